"""From the samples of many streams to their features, continuous over the borders of whatever the samples came in."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from josefine_speech import grid
from josefine_speech.mel import LogMel
from josefine_speech.vad import VoiceActivity
from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES

SAMPLE_BYTES: Final = 2
SILENT: Final = bytes(2 * grid.VAD_STATE * 4)
"""State of voice activity where a stream begins."""


class Stream(NamedTuple):
    """What has to be kept of a stream between two stretches: at most 2.2 kB."""

    position: int = 0
    """Samples so far."""
    tail: bytes = b""
    """The last samples, int16 little-endian: what columns and windows to come will look at."""
    voice: bytes = SILENT
    """State of voice activity, float32 [2, 128]."""

    @classmethod
    def silent_until(cls, position: int) -> "Stream":
        """Returns a stream that goes on at `position` after a long silence."""
        return cls(position, bytes(SAMPLE_BYTES * (position - grid.needed_from(position))))


class Stretch(NamedTuple):
    """Samples that follow in a stream."""

    stream: Stream
    samples: bytes
    """int16 little-endian at 16 kHz."""
    end: bool = False
    """Nothing follows: what is incomplete is completed by silence."""
    first_hop: int = 0
    """Mel columns before this one are not wanted."""


class Features(NamedTuple):
    """What a stretch completed."""

    stream: Stream
    """The stream after the stretch."""
    first_hop: int
    log_mel: NDArray[np.float16]
    """float16 [hops, mels]."""
    first_window: int
    speech_probability: NDArray[np.float16]
    """float16 [windows]."""


class _Plan(NamedTuple):
    """Where a stretch's columns and windows lie."""

    body: bytes
    """Samples from `origin` on."""
    origin: int
    hops: range
    windows: range


class FeatureExtractor:
    """Log-mel columns and voice activity. Read-only after construction: any thread may call it.

    The features of a stream are the same bytes however it is cut into stretches and whatever it shares a call with.
    """

    def __init__(self, log_mel: LogMel, voice_activity: VoiceActivity) -> None:
        self._log_mel: Final = log_mel
        self._voice_activity: Final = voice_activity

    @property
    def mels(self) -> int:
        """Mel bands in a column."""
        return self._log_mel.mels

    def extract(self, stretches: Sequence[Stretch]) -> list[Features]:
        """Returns each stretch's features; a stream may occur once. CPU time is linear in the samples."""
        if not stretches:
            return []
        plans = [_plan(stretch) for stretch in stretches]
        # Where a stream begins, the context of its first window is not looked at, but has to be there.
        lead = bytes(SAMPLE_BYTES * grid.VAD_CONTEXT_SAMPLES)
        samples = np.frombuffer(b"".join([lead, *(plan.body for plan in plans)]), "<i2")
        bodies = accumulate((len(plan.body) // SAMPLE_BYTES for plan in plans), initial=grid.VAD_CONTEXT_SAMPLES)
        zeros = [place - plan.origin for place, plan in zip(bodies, plans, strict=False)]
        columns = self._log_mel(
            samples,
            [
                zero + HOP_SAMPLES * plan.hops.start - grid.MEL_HALF_SAMPLES
                for zero, plan in zip(zeros, plans, strict=True)
            ],
            [len(plan.hops) for plan in plans],
        )
        states = np.frombuffer(bytearray().join(stretch.stream.voice for stretch in stretches), np.float32)
        states = states.reshape(len(stretches), 2, grid.VAD_STATE)
        probabilities = self._voice_activity(
            samples,
            [zero + VAD_WINDOW_SAMPLES * plan.windows.start for zero, plan in zip(zeros, plans, strict=True)],
            [len(plan.windows) for plan in plans],
            [plan.windows.start == 0 for plan in plans],
            states,
        )
        return _split(stretches, plans, columns, probabilities.astype(np.float16), states)


def _plan(stretch: Stretch) -> _Plan:
    stream = stretch.stream
    position = stream.position + len(stretch.samples) // SAMPLE_BYTES
    hops_after, windows_after = grid.hops_ready(position), grid.windows_ready(position)
    body, origin = stream.tail + stretch.samples, stream.position - len(stream.tail) // SAMPLE_BYTES
    if stretch.end:
        hops_after, windows_after = grid.hops_total(position), grid.windows_total(position)
        body += bytes(SAMPLE_BYTES * grid.END_PADDING_SAMPLES)
    hops = range(max(grid.hops_ready(stream.position), min(stretch.first_hop, hops_after)), hops_after)
    if hops and HOP_SAMPLES * hops.start < grid.MEL_HALF_SAMPLES:
        beginning = np.frombuffer(body, "<i2", count=grid.MEL_HALF_SAMPLES + 1)
        body, origin = beginning[:0:-1].tobytes() + body, origin - grid.MEL_HALF_SAMPLES
    return _Plan(body, origin, hops, range(grid.windows_ready(stream.position), windows_after))


def _split(
    stretches: Sequence[Stretch],
    plans: Sequence[_Plan],
    columns: NDArray[np.float16],
    probabilities: NDArray[np.float16],
    states: NDArray[np.float32],
) -> list[Features]:
    result, hop, window = [], 0, 0
    for stretch, plan, state in zip(stretches, plans, states, strict=True):
        hops, windows = len(plan.hops), len(plan.windows)
        result.append(
            Features(
                _after(stretch, state.tobytes()),
                plan.hops.start,
                columns[hop : hop + hops],
                plan.windows.start,
                probabilities[window : window + windows],
            )
        )
        hop, window = hop + hops, window + windows
    return result


def _after(stretch: Stretch, voice: bytes) -> Stream:
    position = stretch.stream.position + len(stretch.samples) // SAMPLE_BYTES
    keep = SAMPLE_BYTES * (position - grid.needed_from(position))
    samples = stretch.samples if keep <= len(stretch.samples) else stretch.stream.tail + stretch.samples
    return Stream(position, samples[len(samples) - keep :], voice)
