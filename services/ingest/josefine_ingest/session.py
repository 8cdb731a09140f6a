"""One session: which chunks are taken, what becomes of them, how it ends.

Everything here follows from the session's records in log order alone, so a replay gives the same frames.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import numpy as np

from josefine_audio.encodings import CONTAINER, RAW_ENCODINGS, open_decoder
from josefine_audio.errors import AudioError, DecoderFaultError, EmptyAudioError
from josefine_audio.stream import AudioStream, Frame, StreamOptions
from josefine_ingest.checks import start_fault
from josefine_ingest.frames import UNKNOWN_TIME, CaptureTime, FrameWriter
from josefine_ingest.holes import duration_s, lost_seconds
from josefine_ingest.limits import IngestLimits
from josefine_ingest.refusals import refusal
from josefine_stage.handler import Input, Output, Rejection
from josefine_wire.chunk_faults import payload_fault
from josefine_wire.positions import samples, seconds
from josefine_wire.records import REPLAY_CUT_OFF, AudioChunk, EndReason, SessionEnd, SessionStart, session_config
from josefine_wire.succession import Succession, Verdict

LIVE_FRAME_S: Final = 0.2
"""Each stage pays for records, not for seconds (docs/adr/0013-live-frames-of-200-ms.md)."""
RECORDED_FRAME_S: Final = 4.0
"""Nobody waits for one frame of a recording: windows of up to 28 s are filled with them."""
PIECE_SAMPLES: Final = 48_000
"""Source samples decoded before others get their turn: a second at 48 kHz, about a millisecond of work."""
_UNDESCRIBED: Final = SessionStart(encoding=CONTAINER, sample_rate_hz=0, channels=0, config=session_config())


class SessionTooLongError(AudioError):
    """A session passes the limit of its length."""

    code = "session_too_long"


class Phase(Enum):
    """Where a session stands."""

    NEW = auto()
    OPEN = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one unit of work: its last outputs, and why its chunk is refused, if it is."""

    outputs: Sequence[Output] = ()
    rejection: Rejection | None = None


Work = Generator[Sequence[Output], None, Outcome]
"""Yields the outputs of a piece whenever there is more to do."""


class Session:
    """State of one session."""

    def __init__(self, key: str, limits: IngestLimits) -> None:
        self._key: Final = key
        self._limits: Final = limits
        self.phase = Phase.NEW
        self.succession = Succession()
        """Which chunk counts next, and whose."""
        self.start = _UNDESCRIBED
        self.first_timestamp_ms = 0
        self.last_captured_at_us = 0
        self.live = self.urgent = True
        """Whether it was sent while somebody was speaking, and whether somebody waits for the result meanwhile: not so
        where live speech is heard again. Both are told by the first record."""
        self.writer = FrameWriter(key, 0, _UNDESCRIBED["config"])
        self.stream: AudioStream | None = None

    @property
    def storable(self) -> bool:
        """Whether an open session's state can be stored; else it is rebuilt from its first record."""
        return self.start["encoding"] in RAW_ENCODINGS

    @property
    def position(self) -> int:
        """16 kHz samples decoded so far."""
        return self.stream.position if self.stream is not None else 0

    def handle(self, entry: Input[AudioChunk]) -> Work:
        """Takes the session's next record."""
        before = self.succession
        verdict, self.succession = before.judge(entry.record)
        if not verdict.taken:
            return Outcome(rejection=refusal(verdict, before, entry))
        if verdict is Verdict.BEGIN:
            fault = self._open(entry)
            if fault is not None:
                return Outcome(self._end("ERROR", "invalid_start", fault), Rejection("invalid_start", fault))
        return (yield from self._take(entry, entry.record["sequence"] - before.next_sequence))

    def time_out(self) -> Work:
        """Ends the session because its producer fell silent; what the decoder holds comes out first."""
        outputs: list[Output] = []
        code = message = None
        try:
            if self.stream is not None:
                self.stream.finish()
                yield from self._decode(self.stream, UNKNOWN_TIME, outputs)
        except AudioError as error:
            code, message = error.code, str(error)
        if self._cut_off:
            code, message = REPLAY_CUT_OFF, f"the replay stops before its chunk {self.succession.next_sequence}"
        return Outcome([*outputs, *self._end("IDLE_TIMEOUT", code, message)])

    def open_stream(self, start: SessionStart) -> None:
        """Sets up the decoder for what the first chunk says."""
        self.start = start
        encoding, config = start["encoding"], start["config"]
        self.live = config["mode"] == "LIVE"
        self.urgent = self.live and not config.get("replay")
        raw = encoding in RAW_ENCODINGS
        options = StreamOptions(
            frame_samples=samples(LIVE_FRAME_S if self.live else RECORDED_FRAME_S),
            multichannel=config["metadata"].get("multichannel", "").lower() == "true",
            sample_rate_hz=start["sample_rate_hz"] if raw else 0,
            channels=start["channels"] if raw else 0,
        )
        decoder = open_decoder(
            encoding,
            start["sample_rate_hz"],
            start["channels"],
            spool_limit_bytes=self._limits.spool_limit_bytes,
        )
        self.stream = AudioStream(decoder, options)
        self.phase = Phase.OPEN

    def close(self) -> None:
        """Frees the decoder."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    @property
    def _cut_off(self) -> bool:
        """Whether this is a replay whose last chunk has not come."""
        replay = self.start["config"].get("replay")
        return bool(replay and self.succession.next_sequence <= replay["last_sequence"])

    def _open(self, entry: Input[AudioChunk]) -> str | None:
        """Begins the session; returns what is wrong with its description, or None."""
        chunk = entry.record
        start = chunk["start"] or _UNDESCRIBED
        # A producer's clock may be ahead; the field promises not to be later than the record.
        began_ms = max(0, min(chunk["session_started_at"], entry.timestamp_ms))
        self.writer = FrameWriter(self._key, began_ms, start["config"])
        self.first_timestamp_ms = entry.timestamp_ms
        fault = start_fault(chunk)
        if fault is None:
            self.open_stream(start)
        return fault

    def _take(self, entry: Input[AudioChunk], missing: int) -> Work:
        chunk = entry.record
        outputs: list[Output] = []
        rejection = None
        try:
            rejection = self._feed(entry, missing)
            if self.stream is not None:
                heard = CaptureTime(chunk["captured_at"], self.stream.fed_position)
                yield from self._decode(self.stream, heard, outputs)
            outputs += self._close_chunk(chunk)
        except AudioError as error:
            outputs += self._end("ERROR", error.code, str(error))
            if not isinstance(error, EmptyAudioError):
                # What is sent is its sender's affair, however often; that a decoder fails may be the installation's.
                expected = not isinstance(error, DecoderFaultError)
                rejection = Rejection(error.code, str(error), expected=expected)
        return Outcome(outputs, rejection)

    def _feed(self, entry: Input[AudioChunk], missing: int) -> Rejection | None:
        """Gives a chunk's bytes to the decoder, after the `missing` chunks before them."""
        chunk, stream = entry.record, self.stream
        if stream is None:
            return None
        if entry.timestamp_ms - self.first_timestamp_ms > self._limits.max_session_s * 1000:
            raise SessionTooLongError(f"the session has lasted longer than {self._limits.max_session_s:g} s")
        fault = payload_fault(chunk)
        lost_s = lost_seconds(self.start, chunk, missing, self.last_captured_at_us) if missing > 0 else 0.0
        if fault is not None:
            lost_s += duration_s(self.start, chunk["payload"]) or 0.0
        if missing > 0 or fault is not None:
            stream.mark_gap("missing_chunks", lost_s)
        if fault is None:
            stream.feed(chunk["payload"])
        if chunk["end"]:
            stream.finish()
        self.last_captured_at_us = chunk["captured_at"]
        return Rejection("payload_too_large", fault) if fault is not None else None

    def _decode(
        self, stream: AudioStream, heard: CaptureTime, outputs: list[Output]
    ) -> Generator[Sequence[Output], None, None]:
        """Decodes all that is pending into `outputs`; yields them, and empties the list, between pieces."""
        while stream.pending:
            for frame in stream.step(PIECE_SAMPLES):
                outputs += self.writer.frame(frame, heard.of(frame.end_sample))
            if seconds(stream.position) > self._limits.max_session_s:
                raise SessionTooLongError(f"the session has more than {self._limits.max_session_s:g} s of audio")
            if stream.pending:
                yield tuple(outputs)
                outputs.clear()

    def _close_chunk(self, chunk: AudioChunk) -> list[Output]:
        """Returns what a chunk's marks ask for: the end of the session, or everything so far."""
        if self.stream is None:
            return []
        if chunk["end"]:
            listened = self.live and self.start["encoding"] != CONTAINER  # a caller may hang up without a word
            if self.stream.position == 0 and not listened:
                raise EmptyAudioError("the audio has no samples")
            return self._end("COMPLETE")
        if not chunk["flush"]:
            return []
        return self._all(self.stream.flush(), chunk["captured_at"], flush=True)

    def _end(self, reason: EndReason, code: str | None = None, message: str | None = None) -> list[Output]:
        """Ends the session with one marked frame a channel."""
        nothing = Frame(0, np.zeros((0, 1), np.int16), [])
        frames = self.stream.flush() if self.stream is not None else [nothing]
        end = SessionEnd(reason=reason, samples=frames[-1].end_sample, code=code, message=message)
        self.close()
        self.phase, self.succession = Phase.ENDED, self.succession.over()
        return self._all(frames, self.last_captured_at_us, end=end)

    def _all(self, frames: Sequence[Frame], captured_at_us: int, **last: Any) -> list[Output]:
        """Returns frames that end at `captured_at_us`; `last` marks the last of them."""
        heard = CaptureTime(captured_at_us, frames[-1].end_sample)
        outputs: list[Output] = []
        for frame in frames[:-1]:
            outputs += self.writer.frame(frame, heard.of(frame.end_sample))
        return outputs + list(self.writer.frame(frames[-1], captured_at_us, **last))
