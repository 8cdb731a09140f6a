"""What the demo shows while people speak, and the table at its end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from josefine_cli.listening import Heard
from josefine_cli.manifest import ReferenceClip
from josefine_cli.quantiles import quantile
from josefine_client.collector import TranscriptEvent, UnderstandingEvent
from josefine_client.player import PlayEvent, Started
from josefine_wire.records import Transcript, Understanding

SHOWN_CHARACTERS: Final = 160
"""Of a speaker's latest words: two lines of a usual terminal."""

LEGEND: Final = (
    "WER: against the words that are said. Latency of finals, p50 / p95: behind the audio that they waited for,"
    " and (where a pause ended the utterance) behind the end of their last word. RTF: real-time factor,"
    " time from first byte to last result over the length of the audio; at live pace 1 is the least."
)


class DemoView:
    """Plain lines, for files and pipes: finals and what they mean; of interims every one that is new."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._names: dict[str, str] = {}

    def name(self, names: Mapping[str, str]) -> None:
        """Sets what people call the sessions."""
        self._names.update(names)

    def take(self, event: PlayEvent) -> None:
        """Shows an event."""
        match event:
            case TranscriptEvent() if event.record["text"]:
                sign = "=>" if event.record["kind"] == "FINAL" else "..."
                self._line(event.session_id, f"{sign} {event.record['text']}")
            case UnderstandingEvent():
                if meaning := _meaning(event.record):
                    self._line(event.session_id, f"     {meaning}")
            case _:
                pass

    def _line(self, session_id: str, text: str) -> None:
        self._console.print(f"{self._names[session_id]:<16} {text}", markup=False, highlight=False, soft_wrap=True)


class LiveDemoView(DemoView):
    """A row a speaker that changes while they speak, for terminals."""

    def __init__(self, console: Console, clips: Sequence[ReferenceClip], live: Live) -> None:
        super().__init__(console)
        self._clips = clips
        self._live = live
        self._finals: dict[str, str] = {}
        self._interims: dict[str, str] = {}
        self._meanings: dict[str, str] = {}

    def take(self, event: PlayEvent) -> None:
        match event:
            case Started():
                self._finals.setdefault(event.result.session_id, "")
            case TranscriptEvent():
                self._hear(event.session_id, event.record)
            case UnderstandingEvent():
                self._meanings[event.session_id] = _meaning(event.record) or self._meanings.get(event.session_id, "")
            case _:
                return
        self._live.update(self._table())

    def _hear(self, session_id: str, record: Transcript) -> None:
        if record["kind"] == "INTERIM":
            self._interims[session_id] = record["text"]
        elif record["kind"] == "FINAL":
            self._finals[session_id] = f"{self._finals.get(session_id, '')} {record['text']}".strip()
            self._interims.pop(session_id, None)

    def _table(self) -> Table:
        table = Table(expand=True, show_lines=True)
        table.add_column("recording", no_wrap=True)
        table.add_column("finals, interim words dim", ratio=3)
        table.add_column("understood last", ratio=1)
        for session_id, finals in self._finals.items():
            text = Text(finals[-SHOWN_CHARACTERS:])
            text.append(f" {self._interims.get(session_id, '')}", style="dim italic")
            table.add_row(Text(self._names[session_id]), text, Text(self._meanings.get(session_id, "")))
        return table


@contextmanager
def demo_view(clips: Sequence[ReferenceClip], console: Console) -> Iterator[DemoView]:
    """Gives rows that change on a terminal, else plain lines."""
    if not console.is_terminal:
        yield DemoView(console)
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield LiveDemoView(console, clips, live)


def demo_table(heard: Sequence[Heard], wall_s: float) -> Table:
    """Returns a row a recording, and one for all of them."""
    table = Table(title="what was heard", title_justify="left", caption=LEGEND, caption_justify="left")
    table.add_column("recording", no_wrap=True)
    table.add_column("format")
    for name in ("words", "WER %", "latency ms", "after speech", "RTF"):
        table.add_column(name, justify="right")
    for each in heard:
        clip = each.score.clip
        table.add_row(clip.name, clip.format, *_figures([each], each.elapsed_s))
    table.add_section()
    table.add_row("all, side by side", "", *_figures(heard, wall_s))
    return table


def _figures(heard: Sequence[Heard], elapsed_s: float) -> list[str]:
    scores = [each.score for each in heard]
    words = sum(score.errors.reference_words for score in scores)
    errors = sum(score.errors.errors for score in scores)
    audio_s = sum(score.clip.duration_s for score in scores)
    return [
        str(sum(score.hypothesis_words for score in scores)),
        f"{100 * errors / words:.1f}" if words else "",
        _spread([wait for score in scores for wait in score.latencies_s]),
        _spread([wait for score in scores for wait in score.speech_latencies_s]),
        f"{elapsed_s / audio_s:.2f}",
    ]


def _spread(values_s: Sequence[float]) -> str:
    half, most = quantile(values_s, 0.5), quantile(values_s, 0.95)
    return "" if half is None or most is None else f"{1000 * half:.0f} / {1000 * most:.0f}"


def _meaning(record: Understanding) -> str:
    """Returns entities and sentiment of a segment in one line; empty where there is nothing to tell."""
    entities = [f"{entity['text']} ({entity['label']})" for entity in record["entities"]]
    sentiment = record["sentiment"]
    mood = [f"{sentiment['label'].lower()} {sentiment['score']:+.2f}"] if sentiment else []
    hidden = sorted({span["kind"] for span in record["pii"]})
    private = [f"redaction hides {', '.join(hidden)}"] if hidden else []
    return ", ".join([*entities, *mood, *private])
