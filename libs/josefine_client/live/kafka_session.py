"""A live session straight over Kafka, with the interface of LiveSession and without a gateway."""

from collections import deque
from types import TracebackType
from typing import Self

from josefine_client.chunks import Session
from josefine_client.collector import PATIENCE_S, POLL_S, Collector
from josefine_client.live.errors import ClosedError, ConnectionLostError
from josefine_client.live.events import Ended, Event, Final
from josefine_client.live.kafka_events import SAMPLE_RATE_HZ, LogEvents
from josefine_client.live.spoken import Spoken
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker
from josefine_stage.clock import Clock


class KafkaLiveSession:
    """Sends audio and gives events. One thread may send while another reads and closes.

    Cut connections are Kafka's affair: the producer repeats what was not acknowledged, each chunk once in the log; the
    consumer reads on from where it was. The log keeps everything, so nothing is missed by whoever reads late. What
    this cannot do: go on in another process (a session has one sender; begin a new one), SpeechStarted,
    UtteranceEnd, entities and `from_finalize`, which the gateway makes.

    Example:
        session = Session(encoding="linear16", sample_rate_hz=16_000, channels=1)
        with KafkaLiveSession.connect(Broker("127.0.0.1:9092"), session) as live:
            live.send(audio)
            live.end()
            for event in live:
                ...
    """

    def __init__(
        self, publisher: Publisher, collector: Collector, session: Session, patience_s: float = PATIENCE_S
    ) -> None:
        """`connect` is the usual way here; this one takes the ports themselves, and closes them in the end.

        Args:
            publisher: sends.
            collector: receives; connected before, so that it misses nothing.
            session: the audio's form and what is asked of the engine.
            patience_s: silence after the end of the audio after which the session is given up.
        """
        self.session_id = session.session_id
        self._publisher = publisher
        self._collector = collector
        self._clock: Clock = publisher.clock
        self._sender = publisher.open(session)
        self._result = collector.expect(session.session_id)
        self._patience_s = patience_s
        self._silent_since_s = self._clock.monotonic_s()
        self._log_events = LogEvents()
        self._spoken = Spoken()
        self._events: deque[Event] = deque()
        self._ended = False

    @classmethod
    def connect(cls, broker: Broker, session: Session, patience_s: float = PATIENCE_S) -> Self:
        """Returns a session on a cluster. Nothing is written before its first send.

        Raises:
            BrokerTroubleError: no broker answers, or the topics are missing.
        """
        collector = Collector.connect(broker, want_understanding=False)
        return cls(Publisher.connect(broker), collector, session, patience_s)

    def send(self, payload: bytes) -> None:
        """Sends audio: a piece of a file, whole samples, or exactly one opus packet.

        Raises:
            SessionError: the session has ended.
            BrokerTroubleError: the broker does not take it.
        """
        self._sender.send(payload)

    def finalize(self) -> None:
        """Asks for the final of what was said so far.

        Raises:
            SessionError: the session has ended.
            BrokerTroubleError: the broker does not take it.
        """
        self._sender.flush()

    def end(self) -> None:
        """Says that no more audio comes, and returns when all of it is durable. Twice is harmless.

        Raises:
            BrokerTroubleError: the broker does not take it.
        """
        if not self._sender.ended:
            self._sender.end()

    def transcript(self, channel: int = 0) -> str:
        """Returns all finals of a channel that were read so far, joined."""
        return self._spoken.transcript(channel)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        while not self._events:
            if self._ended:
                self._raise_error()
                raise StopIteration
            self._poll()
        return self._events.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.end()
            if error is None:
                self._read_to_the_end()
        finally:
            self._collector.close()
            self._publisher.close()

    def _read_to_the_end(self) -> None:
        while not self._ended:
            self._poll()
        self._raise_error()

    def _poll(self) -> None:
        found = self._collector.poll(POLL_S)
        now_s = self._clock.monotonic_s()
        for each in found:
            event = self._log_events.event_of(each)
            if event is not None:
                self._events.append(event)
            if isinstance(event, Final):
                self._spoken.add(event)
        if found or not self._sender.ended:
            self._silent_since_s = now_s
        self._look_for_end(now_s)

    def _look_for_end(self, now_s: float) -> None:
        if self._result.complete:
            self._ended = True
            duration_s = self._result.length_samples / SAMPLE_RATE_HZ
            self._events.append(Ended(self.session_id, duration_s, self._result.channels or 1))
        elif now_s - self._silent_since_s > self._patience_s:
            raise ConnectionLostError(f"no results for {self._patience_s:g} s: josefine status shows whether it works")

    def _raise_error(self) -> None:
        if (error := self._result.error) is not None:
            raise ClosedError(f"the engine ended the session: {error['message']} ({error['code']})")
