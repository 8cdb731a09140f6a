"""Receives the results of sessions. Connect it before the first byte is sent: what is written later is seen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self

import structlog

from josefine_client.errors import broker_trouble
from josefine_client.results import SessionResult
from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_stage.clock import Clock, SystemClock
from josefine_stage.ports import RawRecord
from josefine_wire.codec import WireError, decode
from josefine_wire.records import DeadLetter, Transcript, Understanding
from josefine_wire.topics import DEAD_LETTERS, TRANSCRIPTS, UNDERSTANDING

PATIENCE_S: Final = 60.0
"""Silence of the whole pipeline after which a session is given up: longer than a device takes to be replaced."""
SLOWEST_SILENCE: Final = 50.0
"""Seconds of long silence that the pipeline passes in a second, at least: ingest lets a recorded session have 200,
and of silence nothing is heard before its end.
"""
POLL_S: Final = 0.25
log = structlog.get_logger()


def patience_for(longest_s: float) -> float:
    """Returns the seconds without any result after which sessions of at most `longest_s` of audio are given up."""
    return PATIENCE_S + longest_s / SLOWEST_SILENCE


class Tail(Protocol):
    """What a collector needs of a broker: josefine_kafka's TopicTail, or a list in tests."""

    def poll(self, timeout_s: float) -> Iterable[RawRecord]:
        """Returns what has come, waiting at most `timeout_s` for the first."""

    def close(self) -> None:
        """Frees the connection."""


@dataclass(frozen=True, slots=True)
class TranscriptEvent:
    """A new INTERIM, FINAL, FLUSHED or END."""

    session_id: str
    record: Transcript
    arrived_at_s: float
    """When it was read, Unix time."""


@dataclass(frozen=True, slots=True)
class UnderstandingEvent:
    """What a final says, or the END of a channel's understanding."""

    session_id: str
    record: Understanding
    arrived_at_s: float
    """When it was read, Unix time."""


@dataclass(frozen=True, slots=True)
class DeadLetterEvent:
    """A record of the session that a stage could not process."""

    session_id: str
    record: DeadLetter
    arrived_at_s: float
    """When it was read, Unix time."""


Event = TranscriptEvent | UnderstandingEvent | DeadLetterEvent


class Collector:
    """Follows any number of sessions at once; drops what it has seen. One thread."""

    def __init__(self, tail: Tail, clock: Clock | None = None, *, want_understanding: bool = True) -> None:
        """`connect` is the usual way here; this one takes the port itself."""
        self._tail = tail
        self._clock = clock or SystemClock()
        self._want_understanding = want_understanding
        self._results: dict[tuple[str, str], SessionResult] = {}

    @classmethod
    def connect(
        cls, broker: Broker, *, want_understanding: bool = True, start: Literal["beginning", "end"] | int = "end"
    ) -> Self:
        """Returns a collector that sees everything written from now on (or since `start`, Unix epoch in ms).

        Raises:
            BrokerTroubleError: no broker answers, or the topics are missing.
        """
        topics = [TRANSCRIPTS, UNDERSTANDING, DEAD_LETTERS] if want_understanding else [TRANSCRIPTS, DEAD_LETTERS]
        with broker_trouble():
            return cls(TopicTail(broker, topics, start), want_understanding=want_understanding)

    def expect(self, session_id: str, variant: str = "") -> SessionResult:
        """Returns the growing result of a session; records of sessions that nobody expects are dropped.

        Args:
            session_id: whose results.
            variant: of a replay with another model; empty: what the session itself gives. One never mixes with another.
        """
        result = SessionResult(session_id, self._want_understanding)
        return self._results.setdefault((session_id, variant), result)

    def forget(self, session_id: str, variant: str = "") -> None:
        """Stops following a session. The result stays with who has it."""
        self._results.pop((session_id, variant), None)

    def poll(self, timeout_s: float) -> list[Event]:
        """Returns what is new of the expected sessions, waiting at most `timeout_s` for the first record.

        Raises:
            BrokerTroubleError: the topics cannot be read.
        """
        with broker_trouble():
            raw = list(self._tail.poll(timeout_s))
        return [event for each in raw if (event := self._event(each)) is not None]

    def follow(self, sessions: Sequence[str], patience_s: float = PATIENCE_S) -> Iterator[Event]:
        """Yields what is new until all `sessions` are complete, or nothing new has come for `patience_s`.

        Afterwards `expect(session_id).complete` tells which it was.
        """
        results = [self.expect(session_id) for session_id in sessions]
        deadline_s = self._clock.monotonic_s() + patience_s
        while not all(result.complete for result in results):
            events = self.poll(POLL_S)
            yield from events
            now_s = self._clock.monotonic_s()
            if events:
                deadline_s = now_s + patience_s
            elif now_s > deadline_s:
                return

    def close(self) -> None:
        """Frees the connection."""
        self._tail.close()

    def _event(self, raw: RawRecord) -> Event | None:
        try:
            record = decode(raw.source.topic, raw.value)
        except WireError as error:
            # Somebody else wrote it: the engine's own records can be read. It belongs to no session.
            log.warning("unreadable_record_ignored", topic=raw.source.topic, offset=raw.offset, detail=str(error))
            return None
        # Dead letters have no variant: they are of the session that was sent, not of the one that it hears again.
        result = self._results.get((record["session_id"], record.get("variant", "")))
        if result is None:
            return None
        return _event_of(result, raw.source.topic, record, self._clock.epoch_s())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _event_of(result: SessionResult, topic: str, record: Any, now_s: float) -> Event | None:
    """Puts a record into its session's result; returns the event if it says something new."""
    if topic == DEAD_LETTERS:
        return DeadLetterEvent(result.session_id, record, now_s) if result.add_dead_letter(record) else None
    if topic == UNDERSTANDING:
        return UnderstandingEvent(result.session_id, record, now_s) if result.add_understanding(record) else None
    return TranscriptEvent(result.session_id, record, now_s) if result.add_transcript(record) else None
