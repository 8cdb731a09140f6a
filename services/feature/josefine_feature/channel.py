"""One channel in this process: its state, and the frames that wait for their turn."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from josefine_feature.outputs import progress_of
from josefine_feature.run import Run
from josefine_feature.session import Session, pack, unpack
from josefine_speech.features import Features
from josefine_stage.handler import Input, Progress, Snapshot
from josefine_wire.records import AudioFrame

_ENTRY_BYTES: Final = 1_024
"""What a waiting frame takes beside its samples, about."""


class Channel:
    """State and queue of a channel. Runtime's thread."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        """Begins from a snapshot, or from nothing.

        Raises:
            SnapshotUnreadableError: the snapshot is not of this version of feature.
        """
        self._session = unpack(snapshot.state) if snapshot and snapshot.begun else Session()
        self._version = snapshot.version if snapshot else 0
        self._queue: Final[deque[Input[AudioFrame]]] = deque()
        self.queued_bytes = 0

    @property
    def closed(self) -> bool:
        """Whether every further frame is a duplicate or rejected."""
        return bool(self._session.closed)

    @property
    def waiting(self) -> bool:
        """Whether frames wait."""
        return bool(self._queue)

    def add(self, entry: Input[AudioFrame]) -> None:
        """Appends a frame to the queue."""
        self._queue.append(entry)
        self.queued_bytes += _size(entry)

    def take(self, most_samples: int) -> Run:
        """Returns a run of waiting frames: one at least, then until it holds `most_samples`.

        A run that closes the channel takes all that waits, so that a closed channel leaves nothing unanswered.
        """
        run = Run(self._session)
        while self._queue and (run.samples < most_samples or run.cursor.closed):
            if not run.take(self._queue[0]):
                break
            entry = self._queue.popleft()
            self.queued_bytes -= _size(entry)
            self._version = entry.offset + 1
        return run

    def finish(self, run: Run, features: Features | None, mels: int) -> Iterable[Progress[AudioFrame]]:
        """Returns what has become of the run's frames; `features` where it admitted any. The state goes on."""
        stream = features.stream if features else run.session.stream
        self._session = Session(run.cursor.next_sequence, run.cursor.closed, stream)
        answered = run.answered
        return [*answered, *progress_of(run.admitted, features, mels)] if features else answered

    def snapshot(self) -> Snapshot | None:
        """Returns the state before the first frame that waits; None before the channel's first frame.

        A channel whose first frame was rejected whole is over before it has begun: there is nothing to remember, and no
        restart has to read that frame again.
        """
        begun = self._session.next_sequence > 0 or self.closed
        if not begun and (self.waiting or not self._version):
            return None
        return Snapshot(self._version, pack(self._session) if begun else b"", over=self.closed or not begun)


def _size(entry: Input[AudioFrame]) -> int:
    return len(entry.record["samples"]) + _ENTRY_BYTES
