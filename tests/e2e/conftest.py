"""Talking to the whole engine as applications do."""

import io
import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest
from deadlines import wait_until
from gateway_kit import CALLBACK_SECRET, Neighbour, deepgram_at, neighbour
from gateways import Gateway, gateway_beside

from josefine_cli.manifest import ReferenceClip, read_manifest
from josefine_client.chunks import Session
from josefine_client.collector import Collector, Event
from josefine_client.pacing import Piece
from josefine_client.player import Finished, Player, PlayOptions, Recording
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter
from josefine_local.stack import LocalStack
from josefine_state.api_keys import ApiKey, digest_of
from josefine_state.key_file import KeyFile
from josefine_wire.codec import decode, encode
from josefine_wire.records import AudioChunk, session_config
from josefine_wire.topics import AUDIO_RAW, audio_key

PATIENCE_S = 90.0
"""Far beyond what anything here takes: a busy machine must not fail a test."""


@dataclass
class Heard:
    """What came of recordings that were played together."""

    finished: dict[str, Finished] = field(default_factory=dict)
    """By session id, in the order in which they were complete."""
    events: list[Event] = field(default_factory=list)

    def text(self, session_id: str, channel: int | None = None) -> str:
        """Returns the transcript of a session."""
        return " ".join(final["text"] for final in self.finished[session_id].result.finals(channel))


class Client:
    """A producer and a consumer of one engine. One thread."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.broker = Broker(stack.bootstrap_servers)
        self.publisher = Publisher.connect(self.broker)
        self.collector = Collector.connect(self.broker)
        self._writer = AcknowledgedWriter(self.broker)

    def play(self, *recordings: Recording) -> Heard:
        """Plays recordings and waits for all that comes of them."""
        heard = Heard()
        for event in Player(self.publisher, self.collector, PlayOptions(patience_s=PATIENCE_S)).play(recordings):
            if isinstance(event, Finished):
                heard.finished[event.result.session_id] = event
            elif isinstance(event, Event):
                heard.events.append(event)
        return heard

    def write(self, chunks: Iterable[AudioChunk | bytes], key: str) -> int:
        """Writes records as they are, good or bad, and returns how many."""
        count = 0
        for chunk in chunks:
            value = chunk if isinstance(chunk, bytes) else encode(AUDIO_RAW, chunk)
            self._writer.send(AUDIO_RAW, audio_key(key).encode(), value)
            count += 1
        self._writer.flush(30.0)
        return count

    def wait(self, *sessions: str) -> list[Event]:
        """Returns what came of sessions that were written by hand, once they are complete."""
        events = list(self.collector.follow(sessions, PATIENCE_S))
        for session_id in sessions:
            result = self.collector.expect(session_id)
            assert result.complete, f"{session_id}: no end within {PATIENCE_S:.0f} s"
        return events

    def close(self) -> None:
        """Frees the connections."""
        self.publisher.close()
        self.collector.close()
        self._writer.close()


@pytest.fixture
def client(engine_of_kind) -> Iterator[Client]:
    """A client of the engine on Apache Kafka."""
    made = Client(engine_of_kind("kafka"))
    yield made
    made.close()


@pytest.fixture
def client_of_kind(engine_of_kind):
    """Clients of the engine by kind of broker."""
    made = []

    def connect(kind):
        made.append(Client(engine_of_kind(kind)))
        return made[-1]

    yield connect
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def samples(repository) -> list[ReferenceClip]:
    """The recordings that ship with the repository."""
    return read_manifest(repository / "samples")


@pytest.fixture(scope="session")
def sample_path(repository):
    """Returns the path of a sample by its name."""
    return lambda name: repository / "samples" / name


@pytest.fixture
def one_piece():
    """Makes a recording of bytes that are sent at once."""

    def made(payload: bytes, session_id: str, mode="RECORDED", **config) -> Recording:
        pieces = [Piece(payload, 0.0)] if payload else []
        return Recording(Session(session_id, session_config(mode, **config)), pieces)

    return made


def decoded(path: Path) -> np.ndarray:
    """Returns a recording as int16 at 16 kHz, mono."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.fixture(scope="session")
def wav_bytes():
    """Makes a WAV of int16 samples [samples] or [samples, channels] at 16 kHz."""

    def made(samples: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setparams((1 if samples.ndim == 1 else samples.shape[1], 2, 16_000, len(samples), "NONE", ""))
            file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
        return buffer.getvalue()

    return made


@pytest.fixture(scope="session")
def stereo_wav(wav_bytes):
    """Puts two recordings on the two channels of a WAV."""

    def made(left: Path, right: Path) -> bytes:
        channels = [decoded(left), decoded(right)]
        joined = np.zeros((max(map(len, channels)), 2), np.int16)
        for number, channel in enumerate(channels):
            joined[: len(channel), number] = channel
        return wav_bytes(joined)

    return made


@pytest.fixture(scope="session")
def speech(sample_path) -> np.ndarray:
    """Eleven seconds of speech, int16 at 16 kHz."""
    return decoded(sample_path("jfk.flac"))


@pytest.fixture(scope="session")
def flac_bytes():
    """Makes a FLAC of int16 samples at 16 kHz, mono."""

    def made(samples: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="flac") as container:
            stream = container.add_stream("flac", rate=16_000, layout="mono")
            frame_samples = 16_000
            for start in range(0, len(samples), frame_samples):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + frame_samples], "s16", "mono")
                frame.sample_rate, frame.pts = 16_000, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return buffer.getvalue()

    return made


@pytest.fixture
def tail_of(client):
    """Opens a topic's end; what it gives waits for so many records that a test is interested in."""

    @contextmanager
    def opened(topic: str):
        tail = TopicTail(client.broker, [topic])

        def records(count: int, wanted):
            found: list = []

            def poll() -> None:
                found.extend(record for raw in tail.poll(0.5) if wanted(record := decode(topic, raw.value)))

            wait_until(
                lambda: len(found) >= count,
                within_s=PATIENCE_S,
                meanwhile=poll,
                awaited=lambda: f"{len(found)} of {count} records on {topic}",
            )
            return found

        try:
            yield records
        finally:
            tail.close()

    return opened


KEYS = (
    ApiKey(id="any", hash=digest_of("any"), callback_secret=CALLBACK_SECRET),
    ApiKey(id="one-at-a-time", hash=digest_of("one-at-a-time"), max_sessions=1),
    ApiKey(id="reader", hash=digest_of("reader"), scopes=("read",)),
)
"""Of the strict gateway; each key is called as its id."""


@pytest.fixture(scope="session")
def strict_gateway(engine_of_kind, tmp_path_factory) -> Iterator[Gateway]:
    """A replica that asks for keys, takes little, waits three seconds only, and may fetch from this machine."""
    keys = tmp_path_factory.mktemp("gateway") / "keys"
    for key in KEYS:
        KeyFile(keys).add(key)
    settings = {
        "JOSEFINE_API_KEYS": str(keys),
        "JOSEFINE_MAX_UPLOAD_BYTES": str(1024 * 1024),
        "JOSEFINE_IDLE_CLOSE_S": "3",
        "JOSEFINE_FETCH_HOSTS": "127.0.0.1",
    }
    with gateway_beside(engine_of_kind("kafka"), **settings) as running:
        yield running


@pytest.fixture
def deepgram(gateway):
    """deepgram-sdk."""
    return deepgram_at(gateway)


@pytest.fixture
def samples_server(repository) -> Iterator[Neighbour]:
    """Serves the samples and takes callbacks."""
    with neighbour(repository / "samples") as running:
        yield running


@pytest.fixture(scope="session")
def short_speech(sample_path) -> np.ndarray:
    """A second and a half: In eighteen thirteen. int16 at 16 kHz."""
    return decoded(sample_path("lj002-0020.wav"))
