"""A log in memory and a stage runtime as small as can be, for tests of the ingest handler."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from josefine_ingest.handler import IngestHandler
from josefine_ingest.limits import IngestLimits
from josefine_stage.handler import Input, Output, Progress, Rejection, Snapshot, Source, Turn
from josefine_wire import topics
from josefine_wire.codec import decode, encode
from josefine_wire.records import AudioChunk, AudioFrame, Mode, SessionStart, session_config

SOURCE = Source(topics.AUDIO_RAW, 0)
BEGAN_MS = 1_700_000_000_000


def start(
    encoding: str = "linear16",
    rate_hz: int = 16_000,
    channels: int = 1,
    mode: Mode = "LIVE",
    **metadata: str,
) -> SessionStart:
    config = session_config(mode, metadata=metadata)
    return SessionStart(encoding=encoding, sample_rate_hz=rate_hz, channels=channels, config=config)


def chunk(sequence: int, payload: bytes = b"", session: str = "s", **fields: Any) -> AudioChunk:
    """Returns a record as it is read from the log."""
    record = AudioChunk(
        session_id=session,
        producer_id="p",
        sequence=sequence,
        session_started_at=BEGAN_MS,
        captured_at=0,
        start=None,
        payload=payload,
        flush=False,
        end=False,
        takes_over=None,
    )
    return decode(topics.AUDIO_RAW, encode(topics.AUDIO_RAW, {**record, **fields}))


def chunks(payloads: Sequence[bytes], begin: SessionStart, session: str = "s", *, end: bool = True) -> list[AudioChunk]:
    """Returns a whole session."""
    last = len(payloads) - 1
    return [
        chunk(n, payload, session, start=begin if n == 0 else None, end=end and n == last)
        for n, payload in enumerate(payloads)
    ]


def inputs(records: Iterable[AudioChunk], first_offset: int = 0, committed: int = 0) -> list[Input[AudioChunk]]:
    """Returns records as read from the log; those below offset `committed` for the second time."""
    return [
        Input(SOURCE, offset, record["session_id"], BEGAN_MS + 10 * offset, record, committed=offset < committed)
        for offset, record in enumerate(records, first_offset)
    ]


@dataclass
class Stage:
    """Hands inputs to a handler and keeps what comes back."""

    handler: IngestHandler = field(default_factory=lambda: IngestHandler(IngestLimits(), clock=lambda: 0.0))
    now_s: float = BEGAN_MS / 1000
    progress: list[Progress[AudioChunk]] = field(default_factory=list)
    unasked: list[Output] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def restore(self, key: str, snapshot: Snapshot | None) -> None:
        self.handler.restore(key, snapshot)
        self.known.add(key)

    def accept(self, entries: Sequence[Input[AudioChunk]]) -> None:
        for entry in entries:
            if entry.key not in self.known:
                self.restore(entry.key, None)
        self.handler.accept(entries)

    def turn(self, *, passed_s: float = 0.01, caught_up: bool = True) -> list[Progress[AudioChunk]]:
        self.now_s += passed_s
        step = self.handler.advance(Turn(self.now_s, frozenset((SOURCE,) if caught_up else ())))
        self.progress += step.progress
        self.unasked += step.unasked
        return list(step.progress)

    def run(self, entries: Sequence[Input[AudioChunk]] = ()) -> "Stage":
        """Does all the work."""
        self.accept(entries)
        while self.handler.busy():
            self.turn()
        return self

    @property
    def outputs(self) -> list[Output]:
        return [output for progress in self.progress for output in progress.outputs] + self.unasked

    @property
    def rejections(self) -> dict[int, Rejection]:
        """Offset -> why."""
        return {each.input.offset: each.rejection for each in self.progress if each.rejection}

    @property
    def done(self) -> list[int]:
        return [each.input.offset for each in self.progress if each.done]

    def frames(self, session: str = "s", channel: int = 0) -> list[AudioFrame]:
        """Returns a channel's frames after checking that each is a valid record with the next number."""
        key = topics.channel_key(session, channel)
        frames = [
            decode(output.topic, encode(output.topic, output.record)) for output in self.outputs if output.key == key
        ]
        assert [frame["sequence"] for frame in frames] == list(range(len(frames)))
        return frames

    def end(self, session: str = "s", channel: int = 0) -> dict[str, Any]:
        """Returns how a channel ended, after checking that it ended once and last."""
        ends = [frame["end"] for frame in self.frames(session, channel)]
        assert ends[-1] is not None
        assert ends[:-1] == [None] * (len(ends) - 1)
        return ends[-1]

    def signal(self, session: str = "s", channel: int = 0) -> np.ndarray:
        """Returns a channel's samples after checking that frames follow each other."""
        frames = self.frames(session, channel)
        position = 0
        for frame in frames:
            assert frame["start_sample"] == position
            position += len(frame["samples"]) // 2
        return np.frombuffer(b"".join(frame["samples"] for frame in frames), "<i2")

    def gaps(self, session: str = "s") -> list[dict[str, Any]]:
        return [gap for frame in self.frames(session) for gap in frame["gaps"]]


def ingested(records: Iterable[AudioChunk], limits: IngestLimits | None = None) -> Stage:
    """Returns what a new stage made of the records."""
    stage = Stage(IngestHandler(limits or IngestLimits(), clock=lambda: 0.0))
    return stage.run(inputs(records))


def pieces(payload: bytes, size: int) -> Iterator[bytes]:
    """Yields the payload in chunks of `size` bytes."""
    for at in range(0, len(payload), size):
        yield payload[at : at + size]
