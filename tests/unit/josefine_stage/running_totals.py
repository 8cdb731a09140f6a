"""A small real handler for tests of the runtime: every chunk gives a frame with the session's running total.

It has what makes stages hard: state per session, records that finish late and out of order, poison.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgpack

from josefine_stage.errors import SnapshotUnreadableError
from josefine_stage.handler import Input, Output, Progress, Rejection, Snapshot, Source, Step, Turn
from josefine_wire import topics
from josefine_wire.records import AudioChunk, AudioFrame


def chunk(session: str, sequence: int, payload: bytes = b"\x01", *, end: bool = False, at_ms: int = 0) -> AudioChunk:
    """Returns a record for audio.raw; the payload says what the handler shall do."""
    return AudioChunk(
        session_id=session,
        sequence=sequence,
        session_started_at=at_ms,
        captured_at=0,
        producer_id="p",
        start=None,
        payload=payload,
        flush=False,
        end=end,
        takes_over=None,
    )


class RunningTotals:
    """Payload byte n: add n; >= 100: the result takes n - 100 turns; b'poison': raises; b'bad': is rejected;
    b'late': is rejected, as expected;
    b'huge': gives an output that fits no schema;
    b'idle': ends the session some turns later, as if the producer had fallen silent.
    Snapshots of sessions named `long...` lie before the record before the last, as inference's do, whose next segment
    begins before the record that closed the last one.
    """

    def __init__(self) -> None:
        self._state: dict[str, tuple[int, int]] = {}
        self._last: dict[str, int] = {}
        self._one_before: dict[str, int] = {}
        self._over: set[str] = set()
        self._idle: dict[str, tuple[int, Input[AudioChunk]]] = {}
        self._pending: list[tuple[int, Progress[AudioChunk]]] = []
        self._before: dict[str, dict[int, tuple[int, int]]] = {}
        """Each session's state before the records whose results are still to come, by their offsets."""
        self.largest_batch = 0
        self.reads_snapshots = True
        self.caught_up: set[Source] = set()
        """What it was told last."""

    @property
    def open_sessions(self) -> list[str]:
        """What was restored and not forgotten."""
        return list(self._state)

    def restore(self, key: str, snapshot: Snapshot | None) -> None:
        assert key not in self._state
        if snapshot and not self.reads_snapshots:
            raise SnapshotUnreadableError("of another version")
        self._state[key] = tuple(msgpack.unpackb(snapshot.state)) if snapshot else (0, 0)
        if snapshot and snapshot.over:
            self._over.add(key)

    def accept(self, inputs: Sequence[Input[AudioChunk]]) -> None:
        self.largest_batch = max(self.largest_batch, len(inputs))
        for entry in inputs:
            if entry.record["payload"] == b"poison":
                raise ValueError("poison")
            self._before.setdefault(entry.key, {})[entry.offset] = self._state[entry.key]
            self._pending.append(self._handled(entry))

    def _handled(self, entry: Input[AudioChunk]) -> tuple[int, Progress[AudioChunk]]:
        expected, total = self._state[entry.key]
        record = entry.record
        self._one_before[entry.key] = self._last.get(entry.key, entry.offset)
        self._last[entry.key] = entry.offset
        if record["sequence"] < expected:
            return 0, Progress(entry)
        if record["payload"] == b"bad":
            self._state[entry.key] = (record["sequence"] + 1, total)
            return 0, Progress(entry, rejection=Rejection("bad", "payload: is bad"))
        if record["payload"] == b"late":
            return 0, Progress(entry, rejection=Rejection("late", "payload: is late", expected=True))
        if record["payload"] == b"idle":
            self._idle[entry.key] = (60, entry)
        if record["payload"] == b"huge":
            return 0, Progress(entry, (_frame(entry, 1 << 70),))
        value = record["payload"][0]
        total += value
        self._state[entry.key] = (record["sequence"] + 1, total)
        if record["end"]:
            self._over.add(entry.key)
        return max(value - 100, 0), Progress(entry, (_frame(entry, total),))

    def advance(self, turn: Turn) -> Step[Any]:
        self.caught_up = set(turn.caught_up)
        ready = tuple(progress for turns, progress in self._pending if turns <= 0)
        for progress in ready:
            del self._before[progress.input.key][progress.input.offset]
        self._pending = [(turns - 1, progress) for turns, progress in self._pending if turns > 0]
        self._idle = {key: (turns - 1, entry) for key, (turns, entry) in self._idle.items()}
        silent = [entry for turns, entry in self._idle.values() if turns == 0]
        self._over |= {entry.key for entry in silent}
        self._idle = {key: (turns, entry) for key, (turns, entry) in self._idle.items() if turns > 0}
        return Step(ready, unasked=tuple(_frame(entry, -1) for entry in silent))

    def snapshot(self, key: str) -> Snapshot | None:
        if key not in self._last:
            return None
        if key in self._idle:
            # As ingest: the last record is replayed by a restart, so that the silence is noticed again.
            return None
        if before := self._before.get(key):
            # As inference: what still waits for its result is heard again, an end too.
            oldest = min(before)
            return Snapshot(oldest, msgpack.packb(before[oldest]))
        version = self._one_before[key] if key.startswith("long") else self._last[key] + 1
        return Snapshot(version, msgpack.packb(self._state[key]), over=key in self._over)

    def forget(self, keys: Iterable[str]) -> None:
        gone = set(keys)
        for key in gone:
            self._state.pop(key, None)
            self._last.pop(key, None)
            self._one_before.pop(key, None)
            self._before.pop(key, None)
            self._over.discard(key)
            self._idle.pop(key, None)
        self._pending = [(turns, p) for turns, p in self._pending if p.input.key not in gone]

    def full(self) -> bool:
        return len(self._pending) > 50

    def busy(self) -> bool:
        return bool(self._pending)

    def ready(self) -> bool:
        return True

    def status(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        """Owns nothing."""


def _frame(entry: Input[AudioChunk], total: int) -> Output:
    record = entry.record
    frame = AudioFrame(
        session_id=record["session_id"],
        sequence=record["sequence"],
        session_started_at=record["session_started_at"],
        captured_at=0,
        channel=0,
        channels=1,
        gaps=[],
        start=None,
        flush=False,
        end=None,
        start_sample=total,
        samples=b"",
    )
    return Output(topics.AUDIO_FRAMES, topics.channel_key(record["session_id"], 0), frame)
