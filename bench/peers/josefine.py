"""Josefine itself: a local stack, spoken to as any producer on Kafka does."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

from bench.stages import ALL_LET_IN, gauge, ports
from bench.streaming.system import Client, Ended, Event, Interim, SystemFailedError
from bench.streaming.system import Final as FinalEvent
from bench.usage import Usage, usage
from josefine_client.chunks import SAMPLE_BYTES, ChunkNumbering, Session
from josefine_client.collector import Collector, TranscriptEvent
from josefine_client.publisher import ACKNOWLEDGE_S
from josefine_client.results import SessionResult
from josefine_kafka.connection import Broker
from josefine_kafka.writers import AcknowledgedWriter
from josefine_local.errors import LocalError
from josefine_local.options import StackOptions, standard_services
from josefine_local.stack import LocalStack
from josefine_text.segments import in_order, transcript_text
from josefine_wire.codec import encode
from josefine_wire.positions import SAMPLE_RATE_HZ, seconds
from josefine_wire.records import session_config
from josefine_wire.topics import AUDIO_RAW, audio_key

MICROSECONDS: Final = 1_000_000


class Josefine:
    """The whole stack, broker and store included."""

    name = "josefine"

    def __init__(self, progress: Callable[[str], None], *, admission: bool = False) -> None:
        self._progress, self._admission = progress, admission
        self._stack: LocalStack | None = None

    @property
    def settings(self) -> str:
        admission = "its own admission of streams" if self._admission else "JOSEFINE_LIVE_STREAMS=0: all are let in"
        return f"its own defaults, {admission}; broker, store and four services, all goes through the log"

    def start(self) -> None:
        inference = {} if self._admission else ALL_LET_IN
        options = StackOptions.from_environment(services=standard_services({"inference": inference}))
        self._stack = LocalStack(options, progress=self._progress)
        try:
            self._stack.start()
        except LocalError as error:
            raise SystemFailedError(str(error)) from error

    def stop(self) -> None:
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.stop()

    def connect(self) -> Client:
        return JosefineClient(Broker(self._running().bootstrap_servers))

    def usage(self) -> Mapping[str, Usage]:
        return usage(self._running())

    def stated_capacity(self) -> int:
        """Returns how many live streams the engine says it serves; 0: it does not know yet."""
        return int(gauge(ports(self._running())["inference"], "josefine_inference_stream_capacity"))

    def _running(self) -> LocalStack:
        if self._stack is None:
            raise SystemFailedError("josefine does not run")
        return self._stack


class JosefineClient:
    """Sends without waiting for the broker's acknowledgement of each session: a refused record shows at `close`."""

    def __init__(self, broker: Broker) -> None:
        self._collector = Collector.connect(broker, want_understanding=False)
        self._writer = AcknowledgedWriter(broker)
        self._run = uuid.uuid4().hex[:8]
        """Streams have the same names in each run; sessions on the log must not."""
        self._numbering: dict[str, ChunkNumbering] = {}
        self._results: dict[str, SessionResult] = {}
        self._sent_samples: dict[str, int] = {}

    def open(self, session_id: str) -> None:
        key = f"{self._run}-{session_id}"
        self._results[session_id] = self._collector.expect(key)
        self._sent_samples[session_id] = 0
        session = Session(key, session_config("LIVE"), "linear16", SAMPLE_RATE_HZ, 1)
        self._numbering[session_id] = ChunkNumbering(session, uuid.uuid4().hex, int(time.time() * 1000))

    def send(self, session_id: str, samples: bytes, captured_at_s: float) -> None:
        self._sent_samples[session_id] += len(samples) // SAMPLE_BYTES["linear16"]
        self._write(session_id, samples, captured_at_s, end=False)

    def end(self, session_id: str) -> None:
        self._write(session_id, b"", 0.0, end=True)

    def poll(self, timeout_s: float) -> list[Event]:
        found = (self._event(event) for event in self._collector.poll(timeout_s) if isinstance(event, TranscriptEvent))
        return [event for event in found if event is not None]

    def close(self) -> None:
        self._writer.flush(ACKNOWLEDGE_S)
        self._writer.close()
        self._collector.close()

    def _write(self, session_id: str, samples: bytes, captured_at_s: float, *, end: bool) -> None:
        key = audio_key(f"{self._run}-{session_id}").encode()
        captured_at_us = int(captured_at_s * MICROSECONDS)
        for chunk in self._numbering[session_id].chunks(samples, captured_at_us=captured_at_us, end=end):
            self._writer.send(AUDIO_RAW, key, encode(AUDIO_RAW, chunk))

    def _event(self, event: TranscriptEvent) -> Event | None:
        session_id, record = event.session_id.removeprefix(f"{self._run}-"), event.record
        match record["kind"]:
            case "INTERIM":
                captured_at_s = record["captured_at"] / MICROSECONDS or None
                return Interim(session_id, event.arrived_at_s, record["text"], captured_at_s)
            case "FINAL":
                return FinalEvent(session_id, event.arrived_at_s, self._spoken_until_s(session_id, event))
            case "END":
                return self._ended(session_id, event.arrived_at_s)
            case "FLUSHED":
                return None

    def _spoken_until_s(self, session_id: str, event: TranscriptEvent) -> float | None:
        """Returns where the last word ends, of a segment that an endpoint closed; None of one that the end of the
        session or the length limit closed.
        """
        record = event.record
        sent = self._sent_samples[session_id]
        if not record["words"] or not record["speech_final"] or record["end_sample"] >= sent:
            return None
        return seconds(record["words"][-1]["end_sample"])

    def _ended(self, session_id: str, arrived_at_s: float) -> Ended:
        result = self._results.pop(session_id)
        self._collector.forget(result.session_id)
        error = result.error
        return Ended(session_id, arrived_at_s, transcript_text(in_order(result.finals())), error and error["code"])
