"""Sessions made of numbers: a mel column says which hop it is, so a test sees what reached the device."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import settings

from josefine_inference.channel import ChannelOptions
from josefine_inference.handler import HandlerOptions, InferenceHandler
from josefine_inference.health import Health
from josefine_inference.hypothesis import Hypothesis, WordHypothesis
from josefine_inference.messages import Batch, Decoded, Failed, Outcome, Work
from josefine_inference.models import Models
from josefine_inference.port import DeviceState, DeviceStatus
from josefine_inference.scheduler import BatchLimits
from josefine_stage.handler import Input, Source
from josefine_wire.records import FeatureFrame, Gap, SessionConfig, SessionEnd, session_config
from josefine_wire.topics import FEATURE_FRAMES, channel_key

# What a property costs is the machine's affair: a busy one is no failure.
settings.register_profile("inference", deadline=None)
settings.load_profile("inference")

MELS = 2
SOURCE = Source(FEATURE_FRAMES, 0)
ARRIVAL_SAMPLES = 200
"""A mel column is complete when 200 samples behind its centre were heard."""


def columns(start_hop: int, end_hop: int) -> np.ndarray:
    """Returns columns whose two bands are the thousands and the rest of the hop's number."""
    hops = np.arange(start_hop, end_hop)
    return np.stack([hops // 1000, hops % 1000], axis=1).astype(np.float16)


def first_and_last_hop(log_mel: np.ndarray) -> tuple[int, int]:
    numbers = log_mel.astype(int) @ (1000, 1)
    assert (np.diff(numbers) == 1).all()
    return int(numbers[0]), int(numbers[-1])


def frames(
    probabilities: Sequence[float],
    cuts: Iterable[int] = (),
    *,
    session: str = "s",
    config: SessionConfig | None = None,
    flushes: frozenset[int] = frozenset(),
    gaps: dict[int, list[Gap]] | None = None,
    end: bool = True,
) -> list[FeatureFrame]:
    """Returns a channel's frames, cut at the samples `cuts` as the feature stage would cut them."""
    total = len(probabilities) * 512
    borders = sorted({cut for cut in cuts if 0 < cut < total} | {total})
    made: list[FeatureFrame] = []
    hop = window = 0
    for sequence, border in enumerate(borders):
        last = border == total
        end_hop = total // 160 if last else max(hop, (border - ARRIVAL_SAMPLES) // 160)
        end_window = border // 512
        made.append(
            FeatureFrame(
                session_id=session,
                channel=0,
                channels=1,
                sequence=sequence,
                session_started_at=1,
                captured_at=sequence,
                gaps=(gaps or {}).get(sequence, []),
                start=(config or session_config()) if sequence == 0 else None,
                flush=sequence in flushes,
                end=SessionEnd(reason="COMPLETE", samples=total, code=None, message=None) if last and end else None,
                start_hop=hop,
                mels=MELS,
                log_mel=columns(hop, end_hop).tobytes(),
                start_window=window,
                speech_probability=np.array(probabilities[window:end_window], np.float16).tobytes(),
            )
        )
        hop, window = end_hop, end_window
    return made


def inputs(records: Sequence[FeatureFrame], first_offset: int = 0, committed: int = 0) -> list[Input[FeatureFrame]]:
    """Returns the records as read from the log, offsets ascending."""
    return [
        Input(SOURCE, offset, channel_key(record["session_id"], 0), 0, record, committed=offset < committed)
        for offset, record in enumerate(records, first_offset)
    ]


def hypothesis(text: str, seconds: float = 1.0, **changes: float) -> Hypothesis:
    parts = text.split()
    step = seconds / max(1, len(parts))
    words = tuple(WordHypothesis(part, i * step, (i + 1) * step, 0.9) for i, part in enumerate(parts))
    facts = {"average_logprob": -0.2, "no_speech_probability": 0.01, "compression_ratio": 1.0, "decode_steps": 3}
    return Hypothesis(text=text, words=words, **(facts | changes))


def says_its_hops(work: Work) -> Hypothesis:
    first, last = first_and_last_hop(work.log_mel)
    return hypothesis(f"from{first} to{last + 1}.", len(work.log_mel) / 100)


@dataclass
class ScriptedDevice:
    """A test double of the device port: answers when told to, in the order of the batches."""

    answer: Callable[[Work], Hypothesis | Failed] = says_its_hops
    rooms: int = 2
    batches: deque[Batch] = field(default_factory=deque)
    submitted: list[Batch] = field(default_factory=list)
    held: bool = False
    closed: bool = False
    idles: int = 0
    """Of several devices, what is idle."""
    unwanted: frozenset[str] = frozenset()
    """Sessions that it holds back."""

    def held_back(self) -> frozenset[str]:
        return self.unwanted

    def ahead_hops(self) -> int:
        return 0

    def idle(self) -> int:
        return self.idles

    def room(self) -> int:
        return self.rooms - len(self.batches)

    def submit(self, batch: Batch) -> None:
        assert self.room() > 0
        self.batches.append(batch)
        self.submitted.append(batch)

    def poll(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while self.batches and not self.held:
            for work in self.batches.popleft().work:
                answer = self.answer(work)
                outcomes.append(answer if isinstance(answer, Failed) else Decoded(work.id, answer))
        return outcomes

    def ready(self) -> bool:
        return True

    def status(self) -> list[DeviceStatus]:
        return [DeviceStatus("scripted", 7, 0, state=DeviceState.WORKING, health=Health(True, temperature_celsius=40))]

    def close(self) -> None:
        self.closed = True


def handler(device: ScriptedDevice, *, clock: Callable[[], float] = lambda: 0.0, **changes: object) -> InferenceHandler:
    options = {
        "channel": ChannelOptions("tiny.en"),
        "models": Models("tiny.en", ("base",)),
        "batches": BatchLimits(24_000, 64, 0.0, 6_000),
    }
    return InferenceHandler(HandlerOptions(**(options | changes)), device, clock=clock)
