"""The log-mel spectrogram that Whisper was trained with, for any number of windows at once.

After openai/whisper, audio.py: 16 kHz, windows of 400 samples, periodic Hann, power spectrum, mel filters of
librosa (Slaney's scale and normalisation), log10 with a floor. What Whisper does to a whole 30 s window (clamp to
its maximum less 8, scale) needs the window and is the engine's business.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from josefine_speech.grid import MEL_WINDOW_SAMPLES
from josefine_speech.rows import pad_rows, product
from josefine_speech.spectrum import power
from josefine_wire.positions import SAMPLE_RATE_HZ

POWER_FLOOR: Final = 1e-10
"""What silence is clamped to before the logarithm: log10 gives -10."""
FULL_SCALE: Final = 32_768.0
"""16-bit samples are divided by it."""
_BREAK_HZ: Final = 1_000.0
_HZ_PER_MEL: Final = 200.0 / 3.0
_MELS_PER_NEPER: Final = 27.0 / np.log(6.4)
"""Slaney's Auditory Toolbox: linear to 1 kHz (15 mels), then 27 mels for a factor of 6.4."""
_SLICE_ROWS: Final = 192
"""Windows handled at once: their spectra take 0.6 MB in float64. Fewer are slower, by a tenth at 96."""
_LOG10_E: Final = np.float32(np.log10(np.e))
_BAND_MELS: Final = 16
"""Filters applied together: products want multiples of 16 (rows.py), and the fewer the filters, the fewer bins."""


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


class _Band(NamedTuple):
    """Neighbouring filters and the bins that they look at: a tenth of all."""

    mels: slice
    bins: slice
    filters: NDArray[np.float64]


def _bands(filters: NDArray[np.float64]) -> list[_Band]:
    bands = []
    for first in range(0, filters.shape[1], _BAND_MELS):
        mels = slice(first, first + _BAND_MELS)
        seen = np.flatnonzero(filters[:, mels].any(axis=1))
        bins = slice(int(seen[0]), int(seen[-1]) + 1)
        bands.append(_Band(mels, bins, np.ascontiguousarray(filters[bins, mels])))
    return bands


class LogMel:
    """Log-mel columns. Read-only after construction: any thread may call it.

    In float64 up to the logarithm: numpy's transform of reals is faster in it than in float32 or as a matrix product,
    pure tones leave no rounding noise above the floor, and a column's bytes do not depend on the columns beside it.
    """

    def __init__(self, mels: int = 80) -> None:
        """mels: 80, or 128 for large-v3."""
        self.mels: Final = mels
        self._bands: Final = _bands(mel_filters(mels))
        self._floor: Final = np.full(mels, POWER_FLOOR)
        phase = 2.0 * np.pi * np.arange(MEL_WINDOW_SAMPLES) / MEL_WINDOW_SAMPLES
        self._window: Final = (0.5 - 0.5 * np.cos(phase)) / FULL_SCALE

    def __call__(self, windows: NDArray[np.int16]) -> NDArray[np.float16]:
        """Returns float16 [n, mels]: log10 of the mel power, floored at 1e-10, for int16 [n, 400]."""
        columns = np.empty((len(windows), self.mels), np.float16)
        for first in range(0, len(windows), _SLICE_ROWS):
            part = windows[first : first + _SLICE_ROWS]
            columns[first : first + len(part)] = self._columns(part)
        return columns

    def _columns(self, windows: NDArray[np.int16]) -> NDArray[np.float32]:
        powers = pad_rows(power(np.fft.rfft(windows * self._window)))
        columns = np.empty((len(powers), self.mels))
        for band in self._bands:
            product(powers[:, band.bins], band.filters, out=columns[:, band.mels])
        columns = columns[: len(windows)]
        np.maximum(columns, self._floor, out=columns)
        logs = columns.astype(np.float32)
        # The logarithm that numpy has a kernel for everywhere; one to base 10 it has for AVX-512 alone.
        np.log(logs, out=logs)
        np.multiply(logs, _LOG10_E, out=logs)
        return logs
