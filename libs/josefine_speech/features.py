"""From the samples of many streams to their features, continuous over the borders of whatever the samples came in."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from josefine_speech import grid
from josefine_speech.cell import WIDTH
from josefine_speech.mel import LogMel
from josefine_speech.vad import VoiceActivity
from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES

SAMPLE_BYTES: Final = 2
SILENT: Final = bytes(2 * WIDTH * 4)
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
        # The first window of all may look for context before its stretch; it reads zeros or its neighbour's samples
        # there, and is given zeros afterwards.
        lead = bytes(SAMPLE_BYTES * grid.VAD_CONTEXT_SAMPLES)
        samples = np.frombuffer(b"".join([lead, *(plan.body for plan in plans)]), "<i2")
        bodies = accumulate((len(plan.body) // SAMPLE_BYTES for plan in plans), initial=grid.VAD_CONTEXT_SAMPLES)
        zeros = [place - plan.origin for place, plan in zip(bodies, plans, strict=False)]
        columns = self._columns(samples, plans, zeros)
        probabilities, states = self._probabilities(samples, stretches, plans, zeros)
        return _split(stretches, plans, columns, probabilities, states)

    def _columns(self, samples: NDArray[np.int16], plans: Sequence[_Plan], zeros: Sequence[int]) -> NDArray[np.float16]:
        first = [
            zero + HOP_SAMPLES * plan.hops.start - grid.MEL_HALF_SAMPLES
            for zero, plan in zip(zeros, plans, strict=True)
        ]
        starts = _ladders(first, [len(plan.hops) for plan in plans], HOP_SAMPLES)
        return self._log_mel(_gathered(samples, starts, grid.MEL_WINDOW_SAMPLES))

    def _probabilities(
        self,
        samples: NDArray[np.int16],
        stretches: Sequence[Stretch],
        plans: Sequence[_Plan],
        zeros: Sequence[int],
    ) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        first = [
            zero + VAD_WINDOW_SAMPLES * plan.windows.start - grid.VAD_CONTEXT_SAMPLES
            for zero, plan in zip(zeros, plans, strict=True)
        ]
        counts = [len(plan.windows) for plan in plans]
        frames = _gathered(samples, _ladders(first, counts, VAD_WINDOW_SAMPLES), grid.VAD_FRAME_SAMPLES)
        row = 0
        for plan, count in zip(plans, counts, strict=True):
            if count and plan.windows.start == 0:
                frames[row, : grid.VAD_CONTEXT_SAMPLES] = 0
            row += count
        states = np.frombuffer(b"".join([stretch.stream.voice for stretch in stretches]), np.float32)
        probabilities, after = self._voice_activity(frames, counts, states.reshape(len(stretches), 2, WIDTH))
        return probabilities.astype(np.float16), after


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


def _ladders(first: Sequence[int], counts: Sequence[int], step: int) -> NDArray[np.int64]:
    """Returns int64 [sum(counts)]: first[i], first[i] + step, ... counts[i] times, for every i."""
    lengths = np.asarray(counts, np.int64)
    begins = np.cumsum(lengths) - lengths
    feet = np.repeat(np.asarray(first, np.int64) - step * begins, lengths)
    ladders: NDArray[np.int64] = feet + step * np.arange(len(feet))
    return ladders


def _gathered(samples: NDArray[np.int16], starts: NDArray[np.int64], length: int) -> NDArray[np.int16]:
    """Returns int16 [starts, length]: a copy of the samples from each start on."""
    if not len(starts):
        return np.empty((0, length), np.int16)
    return sliding_window_view(samples, length)[starts]


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
