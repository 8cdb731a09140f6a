"""Measures one system by what is asked, and says how it goes."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

from bench.streaming.audio import Spoken, total_s
from bench.streaming.measure import Plan, measure, warm_up
from bench.streaming.search import Ask
from bench.streaming.system import System
from bench.usage import MOST_OTHERS

SHORT: Final = 1 / 3
"""Of the duration, for looks that only narrow the search."""
LEAST_SESSIONS: Final = 20
"""In a window, so that its 95th percentile is more than its worst session: few streams are measured for longer."""
LONGEST: Final = 3.0
"""Durations, however few the streams."""
COLUMNS: Final = (
    *("system", "streams", "sessions", "refused", "unheard", "after_end_s", "after_words_s", "interims_per_stream_s"),
    *("interim_s", "wer", "cores", "load_cores", "cores_others", "private_mib", "load_late_s", "within", "short"),
)
"""Of the table; the JSON file has more."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """What stays the same from row to row."""

    system: System
    recordings: Sequence[Spoken]
    duration_s: float
    seed: int
    console: Console
    keep: Callable[[dict[str, Any]], None]
    """Takes every row."""
    until_decided: bool = True

    def __call__(self, ask: Ask) -> dict[str, Any]:
        """Returns the row of so many streams."""
        plan = Plan(self._window_s(ask), self.seed, self.until_decided)
        began_s = time.monotonic()
        row = {"system": self.system.name} | measure(self.system, self.recordings, ask.streams, plan)
        row |= {"short": ask.short, "took_s": time.monotonic() - began_s}
        self.console.print(line(row), soft_wrap=True)
        self.keep(row)
        return row

    def _window_s(self, ask: Ask) -> float:
        mean_s = total_s(self.recordings) / len(self.recordings)
        share = SHORT if ask.short else 1.0
        needed_s = share * LEAST_SESSIONS * mean_s / ask.streams
        return max(share * self.duration_s, min(needed_s, LONGEST * self.duration_s))

    def warm_up(self) -> None:
        """Lets the system do for the first time what it does first, which counts for nothing."""
        warm_up(self.system, self.recordings, self.seed)


def disturbed(rows: Iterable[dict[str, Any]]) -> int:
    """Returns how many rows were measured while others took cores: those say nothing that another run would say."""
    return sum(row.get("cores_others", 0.0) > MOST_OTHERS for row in rows)


def line(row: dict[str, Any]) -> str:
    """Returns a row in few words."""
    after_end, wer = row["after_end_s"], row["wer"]
    parts = [
        f"{row['system']}, {row['streams']} streams: end -> final p50 {after_end.p50:.2f} p95 {after_end.p95:.2f} s",
        f"{row['interims_per_stream_s']:.2f} interims a stream and second",
        "WER none" if wer is None else f"WER {100 * wer:.1f} %",
        f"{row['cores']:.2f} cores",
    ]
    parts += [f"others took {row['cores_others']:.2f} cores"] if row["cores_others"] > MOST_OTHERS else []
    parts += [f"refused {row['refused_by_code']}"] if row["refused"] else []
    parts += [] if row["load_kept_up"] else ["the load itself was late"]
    parts += [] if row["within"] else ["not within the bound"]
    return ", ".join(parts)
