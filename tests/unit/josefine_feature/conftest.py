"""A feature stage with the real log-mel and a voice activity that remembers: it is cheap, and exact to the bit."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from josefine_feature.handler import FeatureHandler
from josefine_speech.features import FeatureExtractor
from josefine_speech.mel import LogMel
from josefine_stage.handler import Input, Output, Progress, Source, Turn
from josefine_wire.records import AudioFrame, Gap, Mode, SessionEnd, session_config
from josefine_wire.topics import AUDIO_FRAMES, channel_key

SOURCE = Source(AUDIO_FRAMES, 0)


class Remembering:
    """Every probability depends on all windows before, as Silero's does."""

    def __call__(self, samples, first: Sequence[int], counts: Sequence[int], begins: Sequence[bool], states):
        probabilities = []
        for session, (start, count) in enumerate(zip(first, counts, strict=True)):
            for window in range(start, start + 512 * count, 512):
                silent = window == start and begins[session]
                frame = samples[window if silent else window - 64 : window + 512]
                seen = states[session, 0, 0] * np.float32(0.9) + np.float32(np.abs(frame.astype(np.int64)).sum() % 97)
                states[session, 0, 0] = seen
                probabilities.append(seen / np.float32(1_000))
        return np.array(probabilities, np.float32)


@pytest.fixture(scope="session")
def extractor() -> FeatureExtractor:
    return FeatureExtractor(LogMel(), Remembering())


class Stage:
    """A handler and the log it reads."""

    def __init__(self, handler: FeatureHandler) -> None:
        self.handler = handler
        self.opened: set[str] = set()

    def give(self, inputs: Iterable[Input[AudioFrame]], snapshots=None) -> None:
        inputs = list(inputs)
        for entry in inputs:
            if entry.key not in self.opened:
                self.opened.add(entry.key)
                self.handler.restore(entry.key, (snapshots or {}).get(entry.key))
        self.handler.accept(inputs)

    def turn(self, now_s: float = 0.0) -> list[Progress[AudioFrame]]:
        return list(self.handler.advance(Turn(now_s)).progress)

    def finish(self) -> list[Progress[AudioFrame]]:
        progress = self.turn()
        while self.handler.busy():
            progress += self.turn()
        return progress

    def run(self, *inputs: Input[AudioFrame]) -> list[Progress[AudioFrame]]:
        self.give(inputs)
        return self.finish()


@pytest.fixture
def stage(extractor) -> Stage:
    return new_stage(extractor)


def new_stage(extractor, *, slice_samples: int = 480_000, queue_limit_bytes: int = 1 << 20) -> Stage:
    return Stage(FeatureHandler(extractor, slice_samples=slice_samples, queue_limit_bytes=queue_limit_bytes))


@pytest.fixture(scope="session")
def make_stage():
    return new_stage


class Log:
    """Numbers frames of channels as ingest writes them into one partition."""

    def __init__(self) -> None:
        self.offset = 0
        self._next: dict[str, tuple[int, int]] = {}

    def frame(
        self,
        samples,
        session: str = "s",
        *,
        sequence: int | None = None,
        start_sample: int | None = None,
        end: bool = False,
        committed: bool = False,
        gaps: Sequence[Gap] = (),
        flush: bool = False,
        mode: Mode = "LIVE",
    ) -> Input[AudioFrame]:
        audio = samples if isinstance(samples, bytes) else np.asarray(samples, "<i2").tobytes()
        number, position = self._next.get(session, (0, 0))
        number = number if sequence is None else sequence
        position = position if start_sample is None else start_sample
        self._next[session] = (number + 1, position + len(audio) // 2)
        record = AudioFrame(
            session_id=session,
            channel=0,
            channels=1,
            sequence=number,
            session_started_at=1_000,
            captured_at=5_000 + number,
            start_sample=position,
            samples=audio,
            gaps=list(gaps),
            start=session_config(mode, metadata={"call": "7"}) if number == 0 else None,
            flush=flush,
            end=SessionEnd(reason="COMPLETE", samples=position + len(audio) // 2, code=None, message=None)
            if end
            else None,
        )
        entry = Input(SOURCE, self.offset, channel_key(session, 0), 0, record, committed)
        self.offset += 1
        return entry


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture(scope="session")
def make_log():
    return Log


class Heard:
    """The feature frames of one channel put together."""

    def __init__(self, progress: Iterable[Progress[AudioFrame]], key: str = "s/0") -> None:
        outputs: list[Output] = [output for p in progress for output in p.outputs if output.key == key]
        self.records = [output.record for output in outputs]
        self.columns = b"".join(record["log_mel"] for record in self.records)
        self.probabilities = b"".join(record["speech_probability"] for record in self.records)

    @property
    def hops(self) -> int:
        return len(self.columns) // 160

    @property
    def windows(self) -> int:
        return len(self.probabilities) // 2


@pytest.fixture(scope="session")
def heard():
    return Heard


@pytest.fixture(scope="session")
def speech():
    """Two minutes of noise that changes its loudness, int16."""
    numbers = np.random.default_rng(5)
    loudness = np.repeat(numbers.integers(0, 9_000, 240), 8_000)
    return (loudness * numbers.uniform(-1, 1, len(loudness))).astype("<i2")
