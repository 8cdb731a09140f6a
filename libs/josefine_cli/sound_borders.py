"""Where the sound of a reference segment begins and ends: cuts leave silence around the words, up to half a second."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from josefine_cli.manifest import ReferenceSegment

RATE_HZ: Final = 16_000
FRAME_SAMPLES: Final = 160
"""10 ms, finer than any word time here."""
SOFTEST_DB: Final = -32.0
"""Speech spans about 30 dB from its vowels (the segment's loudest tenth) down to its softest consonants."""
LOUDEST_NOISE_DB: Final = -20.0
"""Louder than this below the vowels nothing is taken for noise: it would cut into words."""
ABOVE_NOISE_DB: Final = 10.0
"""Noise of a room goes up and down by some decibels around its level in the pauses."""
LEAST_FRAMES: Final = 3
"""A click is shorter than a sound of speech."""


def with_sound_borders(path: Path, segments: Sequence[ReferenceSegment]) -> tuple[ReferenceSegment, ...]:
    """Returns the segments of a recording, each from its first sound to its last.

    Raises:
        OSError: the recording cannot be read.
    """
    if not segments:
        return ()
    samples = _decoded(path)
    return tuple(trimmed(segment, samples) for segment in segments)


def trimmed(segment: ReferenceSegment, samples: NDArray[np.float32]) -> ReferenceSegment:
    """Returns the segment without the silence at its ends; as it is where it is silent altogether.

    Args:
        segment: in seconds of the recording.
        samples: float32 [samples], the whole recording at 16 kHz.
    """
    begin = round(segment.start_s * RATE_HZ)
    part = samples[begin : round(segment.end_s * RATE_HZ)]
    frames = part[: len(part) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    if not len(frames):
        return segment
    level_db = 10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1) + 1e-12)
    noise_db, vowels_db = np.percentile(level_db, [3, 90])
    loud = level_db > np.clip(noise_db + ABOVE_NOISE_DB, vowels_db + SOFTEST_DB, vowels_db + LOUDEST_NOISE_DB)
    steady = np.convolve(loud, np.ones(LEAST_FRAMES), "valid") == LEAST_FRAMES
    places = np.flatnonzero(steady)
    if not len(places):
        return segment
    frame_s = FRAME_SAMPLES / RATE_HZ
    first, after = int(places[0]), int(places[-1]) + LEAST_FRAMES
    return replace(segment, start_s=segment.start_s + first * frame_s, end_s=segment.start_s + after * frame_s)


def _decoded(path: Path) -> NDArray[np.float32]:
    """Returns a recording, mono at 16 kHz."""
    resampler = AudioResampler(format="fltp", layout="mono", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate(frames) if frames else np.zeros(0, np.float32)
