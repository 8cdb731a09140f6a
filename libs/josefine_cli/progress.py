"""How far a call is, on stderr: bars where that is a terminal, single lines where it is not."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from josefine_client.collector import TranscriptEvent
from josefine_client.player import Finished, PlayEvent, Started
from josefine_wire.positions import seconds
from josefine_wire.records import Transcript

WORDS_SHOWN: Final = 60
"""Characters of the latest words beside a bar, so that a line of 120 holds both."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What people call a session, and how long it is."""

    name: str
    length_s: float | None


def say(line: str) -> None:
    """Shows a line for people."""
    print(f"josefine: {line}", file=sys.stderr, flush=True)


class Progress:
    """Lines of what is being set up, nothing else."""

    def say(self, line: str) -> None:
        """Shows a line for people."""
        say(line)

    def take(self, event: PlayEvent) -> None:
        """Shows that something happened to a session."""


class BarProgress(Progress):
    """A bar for all recordings, and one for each in flight: how much of it has been heard."""

    def __init__(self, bars: Bars, clips: Mapping[str, Clip], *, show_words: bool) -> None:
        self._bars = bars
        self._clips = clips
        self._show_words = show_words
        self._tasks: dict[str, TaskID] = {}
        self._all = bars.add_task("recordings", total=len(clips), words="") if len(clips) > 1 else None

    def say(self, line: str) -> None:
        self._bars.console.print(f"josefine: {line}", markup=False, highlight=False)

    def take(self, event: PlayEvent) -> None:
        match event:
            case Started():
                clip = self._clips[event.result.session_id]
                task = self._bars.add_task(escape(clip.name), total=clip.length_s, words="")
                self._tasks[event.result.session_id] = task
            case TranscriptEvent() if event.record["kind"] in {"INTERIM", "FINAL"}:
                self._heard(event.session_id, event.record)
            case Finished():
                self._bars.remove_task(self._tasks.pop(event.result.session_id))
                if self._all is not None:
                    self._bars.advance(self._all)
            case _:
                pass

    def _heard(self, session_id: str, record: Transcript) -> None:
        words = escape(record["text"][-WORDS_SHOWN:]) if self._show_words else ""
        self._bars.update(self._tasks[session_id], completed=seconds(record["end_sample"]), words=words)


@contextmanager
def progress_bar(clips: Mapping[str, Clip], *, show_words: bool) -> Iterator[Progress]:
    """Gives bars on a terminal, else plain lines. `clips` by session id."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Progress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn() if len(clips) > 1 else TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[words]}"),
    )
    # Results on a pipe must stay there; on the same terminal they go above the bars.
    with Bars(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
        yield BarProgress(bars, clips, show_words=show_words)
