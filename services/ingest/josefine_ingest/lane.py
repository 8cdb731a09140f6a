"""A session's place in the work of the process: its queue, its share, its snapshots."""

from collections import deque
from typing import Final, NamedTuple

from josefine_ingest.limits import IngestLimits
from josefine_ingest.session import Outcome, Phase, Session, Work
from josefine_ingest.snapshots import SnapshotKeeper, never_begun, take
from josefine_stage.handler import Input, Output, Progress, Rejection, Snapshot, Source
from josefine_wire.positions import seconds
from josefine_wire.records import AudioChunk

LONGEST_HOLD_S: Final = 2.0
"""Chunks that were read are not slowed down for longer: until they are done, their partition's offset cannot move,
and the live sessions behind them wait."""
_RECORD_BYTES: Final = 1_024
"""Counted for a queued record beside its payload."""


def queued_bytes(entry: Input[AudioChunk]) -> int:
    """Returns what a queued record takes in memory, roughly."""
    return len(entry.record["payload"]) + _RECORD_BYTES


class Piece(NamedTuple):
    """What one step of a lane gave."""

    entry: Input[AudioChunk] | None
    """None: the session's end by time-out."""
    outputs: tuple[Output, ...]
    done: bool
    rejection: Rejection | None = None

    @property
    def progress(self) -> Progress[AudioChunk] | None:
        """The same for the runtime; None where no input waits for it."""
        if self.entry is None:
            return None
        return Progress(self.entry, self.outputs, self.done, self.rejection)


class Lane:
    """One session in the process."""

    def __init__(self, session: Session, limits: IngestLimits) -> None:
        self.session: Final = session
        self.scheduled = False
        self.closed = False
        self.queued_bytes = 0
        self.source: Source | None = None
        self.heard_s: float | None = None
        """When there was work last, on the runtime's clock."""
        self._rate: Final = limits.recorded_rate
        self._allowance_s = limits.recorded_rate
        self._refilled_s = 0.0
        self._queue: deque[Input[AudioChunk]] = deque()
        self._work: Work | None = None
        self._entry: Input[AudioChunk] | None = None
        self._queued_since_s: float | None = None
        """Since when there has been work without a break."""
        self._timed_out = False
        self._first_offset = -1
        self._last_offset = -1
        self._keeper: Final = SnapshotKeeper()

    @property
    def waiting(self) -> bool:
        """Whether there is work."""
        return self._work is not None or bool(self._queue) or self._timed_out

    @property
    def silent_since_s(self) -> float | None:
        """When the last record of an open session came, None while there is work or nothing to end."""
        return self.heard_s if self.session.phase is Phase.OPEN and not self.waiting else None

    def add(self, entry: Input[AudioChunk]) -> None:
        """Queues a record."""
        self._queue.append(entry)
        self.queued_bytes += queued_bytes(entry)
        self.source = entry.source

    def time_out(self) -> None:
        """Ends the session in the next step."""
        self._timed_out = True

    def may_step(self, now_s: float) -> bool:
        """Whether it is this session's turn: a recording has a rate, replays and overdue chunks do not wait."""
        if self.session.urgent:
            return True
        if self._queued_since_s is None:
            self._queued_since_s = now_s
        passed_s = max(0.0, now_s - self._refilled_s)
        self._allowance_s = min(self._rate, self._allowance_s + passed_s * self._rate)
        self._refilled_s = now_s
        overdue = now_s - self._queued_since_s >= LONGEST_HOLD_S
        return self._allowance_s > 0 or overdue or self._replaying

    @property
    def _replaying(self) -> bool:
        entry = self._entry or (self._queue[0] if self._queue else None)
        return entry is not None and entry.committed

    def step(self, now_s: float) -> Piece:
        """Does one piece of work. Call only while `waiting`."""
        self.heard_s = now_s
        work = self._work or self._begin()
        before = self._heard_samples()
        try:
            outputs = tuple(next(work))
        except StopIteration as stop:
            piece = self._finish(stop.value)
        else:
            piece = Piece(self._entry, outputs, done=False)
        self._allowance_s -= seconds(max(0, self._heard_samples() - before))
        return piece

    def _heard_samples(self) -> int:
        """Returns how much was decoded where that counts: live speech has no rate."""
        return 0 if self.session.urgent else self.session.position

    def snapshot(self) -> Snapshot | None:
        """Returns the newest snapshot that may be stored."""
        if self.session.phase is Phase.NEW:
            return never_begun(self._last_offset) if self._last_offset >= 0 and not self.waiting else None
        snapshot = self._keeper.newest(self._last_offset)
        self._take_snapshot()
        return snapshot

    def close(self) -> None:
        """Drops the session and its work."""
        if self._work is not None:
            self._work.close()
            self._work = None
        self._queue.clear()
        self.queued_bytes = 0
        self.session.close()
        self.closed = True

    def _begin(self) -> Work:
        if self._queue:
            self._entry = self._queue.popleft()
            if self.session.phase is Phase.NEW:
                self._first_offset = self._entry.offset
            self._work = self.session.handle(self._entry)
        else:
            self._entry = None
            self._work = self.session.time_out()
        return self._work

    def _finish(self, outcome: Outcome) -> Piece:
        entry, self._entry, self._work = self._entry, None, None
        if entry is None:
            self._timed_out = False
        else:
            self._last_offset = entry.offset
            self.queued_bytes -= queued_bytes(entry)
        if not self.waiting:
            self._queued_since_s = None
        self._take_snapshot()
        return Piece(entry, tuple(outcome.outputs), done=True, rejection=outcome.rejection)

    def _take_snapshot(self) -> None:
        """Takes a snapshot if one is wanted and the session stands between two records."""
        ended = self.session.phase is Phase.ENDED
        if (self._keeper.wanted or ended) and self._work is None and self._last_offset >= 0:
            self._keeper.put(take(self.session, self._first_offset, self._last_offset))
