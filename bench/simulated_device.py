"""A device that only takes time: a loader for the inference child (child.py) whose model sleeps instead of decoding.

A batch takes a fixed time and a time for each second of audio in it; both are read from a file before every batch, so
that a bench may change them while the stack runs. What is "heard" is as long as speech would be, keeps the words that
it is given as a prefix, and is the same for the same window, so that the parent has the work that a real model makes.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from josefine_inference.child import Loaded
from josefine_inference.hypothesis import Hypothesis, WordHypothesis

LOADER: Final = "bench.simulated_device:load"
VARIABLE: Final = "BENCH_STEP_TIMES"
"""Names the file."""
WORDS_PER_S: Final = 2.5
"""150 words a minute, as people read aloud."""
HOPS_PER_S: Final = 100
VOCABULARY: Final = ("of", "all", "the", "words", "that", "people", "say", "aloud", "some", "few", "come", "again")
MELS: Final = 80


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long a batch takes."""

    batch_ms: float = 6.0
    """Some 20 decoder passes of tiny.en as CUDA graphs at 0.3 ms, which its launches and weights cost: on paper."""
    audio_ms: float = 0.2
    """For a second of audio: 1.6 GFLOP and at most 33 MB take an H100 0.015 ms on paper; this is more than tenfold."""

    def seconds(self, audio_s: float) -> float:
        """Returns the time for a batch with so much audio."""
        return (self.batch_ms + self.audio_ms * audio_s) / 1000

    def write(self, path: Path) -> None:
        """Makes them those of the device that reads the file, from its next batch on."""
        new = path.with_suffix(".new")
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(path)

    @classmethod
    def read(cls, path: Path) -> "StepTimes":
        """Returns what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRequest:
    """What is asked of one window; the fields of josefine_whisper's."""

    log_mel: Any
    prefix: tuple[str, ...] = ()
    word_times: bool = False
    keyterms: tuple[str, ...] = ()
    fallback: bool = False

    @property
    def audio_s(self) -> float:
        return len(self.log_mel) / HOPS_PER_S


class SimulatedModel:
    """Sleeps, and says something of the right length."""

    mels = MELS

    def __init__(self, step_times: Path) -> None:
        self._step_times = step_times

    def transcribe(self, requests: Sequence[SimulatedRequest], language: str = "en") -> list[Hypothesis]:
        """Returns a hypothesis for each request after the step time."""
        del language  # silence has none
        step_s = StepTimes.read(self._step_times).seconds(sum(request.audio_s for request in requests))
        time.sleep(step_s)  # not a wait for anything: to take the step's time is all that this device does
        return [hypothesis(request) for request in requests]


def hypothesis(request: SimulatedRequest) -> Hypothesis:
    """Returns words at an even pace that begin with the request's prefix."""
    count = max(round(request.audio_s * WORDS_PER_S), len(request.prefix), 1)
    fresh = (VOCABULARY[at % len(VOCABULARY)] for at in range(len(request.prefix), count))
    pace_s = request.audio_s / count
    words = tuple(
        WordHypothesis(word, at * pace_s, (at + 1) * pace_s, 0.9) for at, word in enumerate((*request.prefix, *fresh))
    )
    return Hypothesis(" ".join(word.text for word in words), words, -0.3, 0.02, 1.4, count)


def load(name: str, *, device: str, dtype: str, threads: int) -> Loaded:
    """Returns the simulated model, whatever is asked for."""
    del name, dtype, threads
    return Loaded(SimulatedModel(Path(os.environ[VARIABLE])), SimulatedRequest, device=f"simulated {device}")
