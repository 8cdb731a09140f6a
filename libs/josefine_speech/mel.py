"""The log-mel spectrogram that Whisper was trained with, for any number of windows at once.

After openai/whisper, audio.py: 16 kHz, windows of 400 samples, periodic Hann, power spectrum, mel filters of
librosa (Slaney's scale and normalisation), log10 with a floor. What Whisper does to a whole 30 s window (clamp to
its maximum less 8, scale) needs the window and is the engine's business.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_speech.grid import MEL_WINDOW_SAMPLES
from josefine_speech.kernels.library import Kernels, best_kernels
from josefine_speech.kernels.tables import MelTable
from josefine_wire.positions import SAMPLE_RATE_HZ

FULL_SCALE: Final = 32_768.0
"""16-bit samples are divided by it."""
_BREAK_HZ: Final = 1_000.0
_HZ_PER_MEL: Final = 200.0 / 3.0
_MELS_PER_NEPER: Final = 27.0 / np.log(6.4)
"""Slaney's Auditory Toolbox: linear to 1 kHz (15 mels), then 27 mels for a factor of 6.4."""


def mel_filters(mels: int = 80) -> NDArray[np.float64]:
    """Returns float64 [201, mels]: triangles over the bins of a 400-sample spectrum, each of area one in Hz.

    The same as librosa.filters.mel(sr=16000, n_fft=400, n_mels=mels).T.
    """
    edges_hz = _hz(np.linspace(0.0, _mel_of_hz(SAMPLE_RATE_HZ / 2), mels + 2))
    bins_hz = np.fft.rfftfreq(MEL_WINDOW_SAMPLES, 1 / SAMPLE_RATE_HZ)[:, None]
    left, centre, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising, falling = (bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (right - left))


def _mel_of_hz(hz: float) -> float:
    """Returns Slaney's mel of a frequency above the break."""
    return float(_BREAK_HZ / _HZ_PER_MEL + _MELS_PER_NEPER * np.log(hz / _BREAK_HZ))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    bend = _BREAK_HZ / _HZ_PER_MEL
    return np.where(mel < bend, mel * _HZ_PER_MEL, _BREAK_HZ * np.exp((np.maximum(mel, bend) - bend) / _MELS_PER_NEPER))


class LogMel:
    """Log-mel columns. Read-only after construction: any thread may call it.

    In float32: what is 14 powers of ten below a window's strongest bin is rounding. Whisper clamps at 8.
    """

    def __init__(self, mels: int = 80, kernels: Kernels | None = None) -> None:
        """mels: 80, or 128 for large-v3; kernels: those of the best instruction set unless given."""
        self.mels: Final = mels
        phase = 2.0 * np.pi * np.arange(MEL_WINDOW_SAMPLES) / MEL_WINDOW_SAMPLES
        self._table: Final = MelTable((0.5 - 0.5 * np.cos(phase)) / FULL_SCALE, mel_filters(mels))
        self._kernels: Final = kernels or best_kernels()

    def __call__(self, samples: NDArray[np.int16], first: Sequence[int], counts: Sequence[int]) -> NDArray[np.float16]:
        """Returns float16 [sum(counts), mels]: log10 of the mel power, floored at 1e-10.

        Args:
            samples: int16, of any number of stretches.
            first: For each stretch the first sample of its first window.
            counts: For each stretch the windows, 160 samples apart.

        Raises:
            ValueError: a window lies outside the samples.
        """
        return self._kernels.log_mel(self._table, samples, first, counts)
