"""How far a replay is, on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from josefine_client.replayer import Replayed, Resent


class ReplayProgress:
    """Takes what happens and shows nothing: not a terminal."""

    def take(self, event: Resent | Replayed) -> None:
        """Shows that something happened."""


class BarReplayProgress(ReplayProgress):
    """Two bars: sessions that stand in the log again, and sessions that were heard again."""

    def __init__(self, bars: Progress, sessions: int) -> None:
        self._bars = bars
        self._sent: TaskID = bars.add_task("sent again", total=sessions)
        self._heard: TaskID = bars.add_task("heard again", total=sessions)

    def take(self, event: Resent | Replayed) -> None:
        self._bars.advance(self._sent if isinstance(event, Resent) else self._heard)


@contextmanager
def replay_progress(sessions: int) -> Iterator[ReplayProgress]:
    """Gives bars on a terminal, else nothing."""
    console = Console(stderr=True)
    if not console.is_terminal or not sessions:
        yield ReplayProgress()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield BarReplayProgress(bars, sessions)
