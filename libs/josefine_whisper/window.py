"""The log-mel window as Whisper saw it in training: clamped, scaled, padded with silence."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

HOPS_PER_SECOND: Final = 100
"""A mel column every 160 samples of 16 kHz audio."""
WINDOW_HOPS: Final = 3000
"""Whisper's window of 30 s."""
LOG_FLOOR: Final = -10.0
"""log10 of the smallest mel power, 1e-10: digital silence."""
DYNAMIC_RANGE: Final = 8.0
"""Whisper drops what lies more than 80 dB below the loudest bin of the window."""


def normalise(log_mel: NDArray[np.floating], hops: int) -> NDArray[np.float32]:
    """Returns the window float32 [mels, hops], padded at its end with digital silence.

    The same values as openai/whisper's `log_mel_spectrogram` of the audio padded with zeros: the floor depends on
    the loudest bin alone, so padding before or after the clamp is the same.

    Args:
        log_mel: [hops, mels], log10 of the mel power, floored at -10; not changed.
        hops: Length of the result, at least the length of `log_mel`.
    """
    floor = silence_level(log_mel)
    window = np.full((log_mel.shape[1], hops), floor, dtype=np.float32)
    window[:, : log_mel.shape[0]] = log_mel.T
    np.maximum(window, floor, out=window)
    window += 4.0
    window *= 0.25
    return window


def normalise_silence(level: float, mels: int, hops: int) -> NDArray[np.float32]:
    """Returns float32 [mels, hops] of digital silence in a window where it has that level (log10 of mel power)."""
    return np.full((mels, hops), (level + 4.0) * 0.25, dtype=np.float32)


def silence_level(log_mel: NDArray[np.floating]) -> float:
    """Returns the value that digital silence takes in this window, before scaling: log10 of the mel power."""
    loudest = float(log_mel.max()) if log_mel.size else LOG_FLOOR
    return max(loudest - DYNAMIC_RANGE, LOG_FLOOR)
