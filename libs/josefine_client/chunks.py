"""A session's records on audio.raw: numbering, splitting, first and last. Pure."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from josefine_client.errors import SessionError
from josefine_wire.chunk_faults import MAX_PAYLOAD_BYTES
from josefine_wire.records import AudioChunk, SessionConfig, SessionStart, session_config

SAMPLE_BYTES: Final = {"linear16": 2, "mulaw": 1, "alaw": 1}
"""Bytes of one sample of one channel, for the encodings of raw samples."""
ENCODINGS: Final = (*SAMPLE_BYTES, "opus", "container")
LONGEST_SESSION_ID: Final = 128
RATES_HZ: Final = range(8_000, 48_001)
CHUNK_BYTES: Final = 32 * 1024
"""Payload of one record unless said otherwise: 1 s of linear16 at 16 kHz, small enough that sessions interleave."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a producer says of a session before its first byte."""

    session_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    config: SessionConfig = field(default_factory=session_config)
    encoding: str = "container"
    """linear16, mulaw, alaw (raw samples), opus (raw packets) or container (a file's bytes)."""
    sample_rate_hz: int = 0
    """Of raw samples and opus; 0 for containers."""
    channels: int = 0
    """Interleaved channels of raw samples and opus; 0 for containers."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.session_id) <= LONGEST_SESSION_ID:
            raise SessionError(f"session id: {len(self.session_id)} characters, must be 1 to {LONGEST_SESSION_ID}")
        if "/" in self.session_id:
            raise SessionError(
                f"session id {self.session_id!r}: must not contain '/', which sets off the channel in keys"
            )
        if self.encoding not in ENCODINGS:
            raise SessionError(f"encoding {self.encoding!r}: must be one of {', '.join(ENCODINGS)}")
        if self.encoding in SAMPLE_BYTES and self.sample_rate_hz not in RATES_HZ:
            raise SessionError(
                f"sample rate {self.sample_rate_hz} Hz: {self.encoding} needs {RATES_HZ.start} to {RATES_HZ.stop - 1}"
            )
        if self.encoding in SAMPLE_BYTES and self.channels < 1:
            raise SessionError(f"channels {self.channels}: {self.encoding} needs at least 1")

    @property
    def block_bytes(self) -> int:
        """One sample of all channels, which no record should cut; 1 where bytes are opaque."""
        return SAMPLE_BYTES.get(self.encoding, 1) * max(self.channels, 1)

    @property
    def bytes_per_second(self) -> int:
        """Of raw samples; 0 for the others, whose bytes do not tell time."""
        return self.block_bytes * self.sample_rate_hz if self.encoding in SAMPLE_BYTES else 0


class ChunkNumbering:
    """Makes the records of one session, in order. One thread."""

    def __init__(
        self,
        session: Session,
        producer_id: str,
        started_at_ms: int,
        chunk_bytes: int = CHUNK_BYTES,
        *,
        first_sequence: int = 0,
    ) -> None:
        """`first_sequence`: of who goes on with a session that another producer has begun, after its takeover."""
        if not session.block_bytes <= chunk_bytes <= MAX_PAYLOAD_BYTES:
            raise SessionError(f"chunk size {chunk_bytes}: must be {session.block_bytes} to {MAX_PAYLOAD_BYTES} bytes")
        self._session = session
        self._producer_id = producer_id
        self._started_at_ms = started_at_ms
        self._chunk_bytes = chunk_bytes - chunk_bytes % session.block_bytes
        self._sequence = first_sequence
        self.ended = False

    def chunks(
        self, payload: bytes, *, captured_at_us: int = 0, flush: bool = False, end: bool = False
    ) -> Iterator[AudioChunk]:
        """Yields the records that carry `payload`; the last of them has `flush` and `end`.

        An empty payload makes one record where it starts, flushes or ends something, else none.

        Raises:
            SessionError: the session has ended, or an opus packet is larger than a record.
        """
        if self.ended:
            raise SessionError(f"session {self._session.session_id} has ended: nothing can follow")
        pieces = self._pieces(payload)
        if not pieces and (flush or end or self._sequence == 0):
            pieces = [b""]
        for number, piece in enumerate(pieces, start=1):
            last = number == len(pieces)
            self.ended = end and last
            yield self._chunk(piece, captured_at_us, flush=flush and last, end=end and last)

    def empty(self) -> AudioChunk:
        """Returns a record without audio, which says that the producer is still there.

        Raises:
            SessionError: the session has ended.
        """
        if self.ended:
            raise SessionError(f"session {self._session.session_id} has ended: nothing can follow")
        return self._chunk(b"", 0, flush=False, end=False)

    def _pieces(self, payload: bytes) -> list[bytes]:
        size = self._chunk_bytes
        if self._session.encoding == "opus":
            if len(payload) > MAX_PAYLOAD_BYTES:
                raise SessionError(f"opus packet of {len(payload)} bytes: a record holds {MAX_PAYLOAD_BYTES}")
            return [payload] if payload else []
        return [payload[at : at + size] for at in range(0, len(payload), size)]

    def _chunk(self, payload: bytes, captured_at_us: int, *, flush: bool, end: bool) -> AudioChunk:
        chunk = AudioChunk(
            session_id=self._session.session_id,
            producer_id=self._producer_id,
            sequence=self._sequence,
            session_started_at=self._started_at_ms,
            captured_at=captured_at_us,
            start=self._start() if self._sequence == 0 else None,
            payload=payload,
            flush=flush,
            end=end,
            takes_over=None,
        )
        self._sequence += 1
        return chunk

    def _start(self) -> SessionStart:
        return SessionStart(
            encoding=self._session.encoding,
            sample_rate_hz=self._session.sample_rate_hz,
            channels=self._session.channels,
            config=self._session.config,
        )


def takeover_chunk(
    session_id: str, producer_id: str, former: str, started_at_ms: int, next_sequence: int
) -> AudioChunk:
    """Returns the record with which `producer_id` goes on with what `former` has sent (ADR 16).

    Args:
        session_id: the session.
        producer_id: who goes on; chunks after this record are to have it.
        former: the producer_id that is believed to be the session's at present; if it is not, nothing changes.
        started_at_ms: the session's session_started_at.
        next_sequence: as far as is known, at least 1; ingest does not look at it.
    """
    return AudioChunk(
        session_id=session_id,
        producer_id=producer_id,
        sequence=next_sequence,
        session_started_at=started_at_ms,
        captured_at=0,
        start=None,
        takes_over=former,
        payload=b"",
        flush=False,
        end=False,
    )
