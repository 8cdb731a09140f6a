"""Sends sessions to audio.raw."""

import uuid
from dataclasses import replace
from types import TracebackType
from typing import Final, Protocol, Self

from josefine_client.chunks import CHUNK_BYTES, ChunkNumbering, Session
from josefine_client.errors import broker_trouble
from josefine_kafka.connection import Broker
from josefine_kafka.writers import AcknowledgedWriter
from josefine_stage.clock import Clock, SystemClock
from josefine_wire.codec import encode
from josefine_wire.topics import AUDIO_RAW, audio_key

ACKNOWLEDGE_S: Final = 120.0
"""How long the broker may take to acknowledge what was sent: longer than it takes to restart or to elect a leader."""


class RecordWriter(Protocol):
    """What a publisher needs of a broker: josefine_kafka's AcknowledgedWriter, or a list in tests."""

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Queues a record."""

    def flush(self, timeout_s: float) -> None:
        """Returns when all that was sent is acknowledged; raises StageError where it is not."""

    def close(self) -> None:
        """Frees the connection."""


class Publisher:
    """One connection for any number of sessions, one after another or side by side. One thread."""

    def __init__(self, writer: RecordWriter, clock: Clock | None = None) -> None:
        """`connect` is the usual way here; this one takes the port itself."""
        self._writer = writer
        self.clock = clock or SystemClock()

    @classmethod
    def connect(cls, broker: Broker) -> Self:
        """Returns a publisher to the cluster. The broker is first asked when something is sent."""
        with broker_trouble():
            patient = replace(broker, timeout_s=max(broker.timeout_s, ACKNOWLEDGE_S))
            return cls(AcknowledgedWriter(patient, compression="none"))

    def open(self, session: Session, chunk_bytes: int = CHUNK_BYTES) -> "SessionPublisher":
        """Returns the sending end of a new session. Nothing is written before its first send."""
        return SessionPublisher(self._writer, session, self.clock, chunk_bytes)

    def acknowledge(self, timeout_s: float = ACKNOWLEDGE_S) -> None:
        """Returns when everything that was sent, of all sessions, is durable.

        Raises:
            BrokerTroubleError: the broker refused a record or did not answer in time.
        """
        with broker_trouble():
            self._writer.flush(timeout_s)

    def close(self) -> None:
        """Waits for what is under way and frees the connection."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SessionPublisher:
    """Sends one session. Leaving its `with` block ends the session, also after an exception: the audio so far
    is all there is, and the engine need not wait for more.
    """

    def __init__(self, writer: RecordWriter, session: Session, clock: Clock, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.session = session
        self._writer = writer
        self._key = audio_key(session.session_id).encode()
        self._clock = clock
        self.started_at_ms: Final = int(clock.epoch_s() * 1000)
        """Rounded down: it must not be later than the first record's timestamp."""
        self._numbering = ChunkNumbering(session, uuid.uuid4().hex, self.started_at_ms, chunk_bytes)

    def send(self, payload: bytes, *, captured_at_us: int | None = None) -> None:
        """Queues audio: a piece of a file, whole samples, or exactly one opus packet.

        Args:
            payload: is split where it is larger than a record should be.
            captured_at_us: when its last sample was captured, Unix epoch; None: now; 0: unknown.

        Raises:
            SessionError: the session has ended.
            BrokerTroubleError: the send queue stayed full, or the topic is missing.
        """
        self._write(payload, captured_at_us, flush=False, end=False)

    def flush(self) -> None:
        """Asks for the final of what was said so far, as at an endpoint."""
        self._write(b"", 0, flush=True, end=False)

    def end(self, payload: bytes = b"", *, captured_at_us: int | None = None) -> None:
        """Ends the session after a last piece of audio, and returns when all of it is durable."""
        self._write(payload, captured_at_us, flush=False, end=True)
        with broker_trouble():
            self._writer.flush(ACKNOWLEDGE_S)

    @property
    def ended(self) -> bool:
        """Whether the last record was sent."""
        return self._numbering.ended

    def _write(self, payload: bytes, captured_at_us: int | None, *, flush: bool, end: bool) -> None:
        captured = int(self._clock.epoch_s() * 1_000_000) if captured_at_us is None else captured_at_us
        for chunk in self._numbering.chunks(payload, captured_at_us=captured, flush=flush, end=end):
            with broker_trouble():
                self._writer.send(AUDIO_RAW, self._key, encode(AUDIO_RAW, chunk))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.ended:
            self.end()
