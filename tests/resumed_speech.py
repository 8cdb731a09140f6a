"""Live sessions that speak a recording through lines that can be cut, and what a listener and the log have of them."""

import asyncio
import time
import wave
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cut_line import Line
from gateways import Gateway

from josefine_client.chunks import Session
from josefine_client.live.async_session import AsyncLiveSession
from josefine_client.live.events import Event, Final, Reconnected
from josefine_client.live.kafka_session import KafkaLiveSession
from josefine_client.live.session import LiveSession
from josefine_client.live.settings import LiveSettings
from josefine_kafka.connection import Broker
from josefine_kafka.stretch import LogReader
from josefine_wire.codec import decode
from josefine_wire.records import session_config
from josefine_wire.succession import Succession
from josefine_wire.topics import AUDIO_RAW

RATE_HZ = 16_000
PIECE_S = 0.1
OPTIONS = {
    "encoding": "linear16",
    "sample_rate": RATE_HZ,
    "punctuate": True,
    "interim_results": True,
    "vad_events": True,
    "utterance_end_ms": 1000,
}
SETTINGS = LiveSettings(ping_s=0.5, first_delay_s=0.05, longest_delay_s=0.5, give_up_after_s=60.0)
"""Finds a line that is frozen within two seconds."""


@dataclass
class Spoken:
    """What a listener was told of one session."""

    sent_s: float = 0.0
    """Audio that was spoken."""
    events: list[Event] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    """When it was connected again."""
    transcript: str = ""

    def take(self, event: Event) -> None:
        """Notes an event, and when the connection stood again."""
        self.events.append(event)
        if isinstance(event, Reconnected):
            self.back_s.append(time.monotonic())

    @property
    def finals(self) -> list[Final]:
        """What will not change, but for the empty finals that fill the time."""
        return [event for event in self.events if isinstance(event, Final) and event.words]

    @property
    def words(self) -> list[tuple[str, float, float]]:
        """Every word with its times."""
        return [(word.punctuated_word, word.start_s, word.end_s) for final in self.finals for word in final.words]


class Speech:
    """A recording that is spoken at its own pace."""

    def __init__(self, audio: bytes) -> None:
        self.audio = audio

    @property
    def length_s(self) -> float:
        """How long it is spoken."""
        return len(self.audio) / 2 / RATE_HZ

    def pieces(self) -> Iterator[tuple[float, bytes]]:
        """Yields when a piece is due, in seconds from the begin, and the piece."""
        size = int(RATE_HZ * PIECE_S) * 2
        for number, at in enumerate(range(0, len(self.audio), size)):
            yield number * PIECE_S, self.audio[at : at + size]

    def speak(self, spoken: Spoken, send: Callable[[bytes], None], end: Callable[[], None]) -> None:
        """Sends in time, and the end."""
        begun_s = time.monotonic()
        for due_s, piece in self.pieces():
            time.sleep(max(begun_s + due_s - time.monotonic(), 0.0))  # as fast as somebody speaks
            send(piece)
            spoken.sent_s = due_s
        end()

    def hear(self, url: str, spoken: Spoken) -> None:
        """Speaks through the client for threads."""
        with ThreadPoolExecutor() as threads, LiveSession(url, OPTIONS, settings=SETTINGS) as session:
            speaking = threads.submit(self.speak, spoken, session.send, session.end)
            for event in session:
                spoken.take(event)
            speaking.result()
            spoken.transcript = session.transcript()

    def hear_in_asyncio(self, url: str, spoken: Spoken) -> None:
        """Speaks through the client for asyncio."""
        asyncio.run(self._hear_in_asyncio(url, spoken))

    async def _hear_in_asyncio(self, url: str, spoken: Spoken) -> None:
        async with AsyncLiveSession(url, OPTIONS, settings=SETTINGS) as session:

            async def listen() -> None:
                async for event in session:
                    spoken.take(event)

            listening = asyncio.create_task(listen())
            begun_s = time.monotonic()
            for due_s, piece in self.pieces():
                await asyncio.sleep(max(begun_s + due_s - time.monotonic(), 0.0))
                await session.send(piece)
                spoken.sent_s = due_s
            await session.end()
            await listening
            spoken.transcript = session.transcript()

    def hear_over_kafka(self, broker: Broker, spoken: Spoken) -> None:
        """Speaks through the client without a gateway."""
        session = Session(config=session_config("LIVE"), encoding="linear16", sample_rate_hz=RATE_HZ, channels=1)
        with ThreadPoolExecutor() as threads, KafkaLiveSession.connect(broker, session) as live:
            speaking = threads.submit(self.speak, spoken, live.send, live.end)
            for event in live:
                spoken.take(event)
            speaking.result()
            spoken.transcript = live.transcript()


@contextmanager
def line_to(gateway: Gateway) -> Iterator[Line]:
    """Gives a line to a replica."""
    line = Line(("127.0.0.1", gateway.port))
    try:
        yield line
    finally:
        line.close()


def url_of(line: Line) -> str:
    """Returns the address of a line's near end."""
    return f"ws://127.0.0.1:{line.port}"


def recording(path: Path, times: int) -> Speech:
    """Returns a WAV of 16 kHz that is spoken several times, with a second of silence between."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE_HZ, 2, 1)
        once = file.readframes(file.getnframes())
    return Speech(bytes(2 * RATE_HZ).join([once] * times))


def taken_audio(broker: Broker, since_ms: int) -> list[bytes]:
    """Returns the audio of each session that began since then, as ingest took it from the log."""
    states: dict[str, Succession] = {}
    audio: defaultdict[str, bytearray] = defaultdict(bytearray)
    for raw in LogReader(broker).since(AUDIO_RAW, since_ms):
        chunk = decode(AUDIO_RAW, raw.value)
        session_id = chunk["session_id"]
        verdict, states[session_id] = states.get(session_id, Succession()).judge(chunk)
        if verdict.taken:
            audio[session_id] += chunk["payload"]
    return [bytes(each) for each in audio.values()]
