"""Silero VAD 6 at 16 kHz in numpy, for any number of sessions at once.

Source: snakers4/silero-vad, silero_vad_16k.safetensors and the layers that go with it. A window is 512 samples
with 64 of the window before: four short spectra, four convolutions, one LSTM cell. All but the cell is done for the
windows of all sessions together; the cell goes from window to window with the sessions side by side.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from josefine_speech.cell import WIDTH, Cell
from josefine_speech.mel import FULL_SCALE
from josefine_speech.rows import pad_rows, product

WEIGHTS: Final = "silero_vad_16k.safetensors"
"""The file in the model's folder."""
_FFT: Final = 256
_STEP_SAMPLES: Final = 128
_STEPS: Final = 4
_BINS: Final = _FFT // 2 + 1
_MIRRORED_SAMPLES: Final = 64
"""What the model appends to a window, mirrored at its last sample."""
_SLICE_ROWS: Final = 96
"""Windows handled at once before the cell: their spectra (0.8 MB in float64) stay in the core's cache."""
_FINAL_COLUMNS: Final = 16
"""The last layer has one output; products want 16 columns (rows.py)."""

Floats = NDArray[np.float32]


class WeightsError(ValueError):
    """The file is not Silero VAD 6 for 16 kHz. Fetch the model again; the same file will not do."""


class _Layer(NamedTuple):
    matrix: Floats
    bias: Floats


class VoiceActivity:
    """Probabilities of speech. Read-only after construction: any thread may call it."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        """Prepares the layers.

        Raises:
            WeightsError: a tensor is missing or has another shape, or the first layer is not the spectrum.
        """
        try:
            self._window: Final = _spectrum_window(weights["stft_conv.weight"])
            self._front: Final = (
                _unrolled(weights, "conv1", steps=4, stride=1),
                _unrolled(weights, "conv2", steps=4, stride=2),
                _unrolled(weights, "conv3", steps=2, stride=2),
                _unrolled(weights, "conv4", steps=1, stride=1),
            )
            bias = weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
            self._cell: Final = Cell(weights["lstm_cell.weight_ih"], weights["lstm_cell.weight_hh"], bias)
            self._final: Final = np.zeros((WIDTH, _FINAL_COLUMNS), np.float32)
            self._final[:, 0] = weights["final_conv.weight"].reshape(WIDTH)
            self._final_bias: Final = np.float32(weights["final_conv.bias"].item())
        except (KeyError, ValueError) as error:
            raise WeightsError(f"not the weights of Silero VAD 6 for 16 kHz: {error}") from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Returns the model of a safetensors file, or of a folder that holds `WEIGHTS`.

        Raises:
            WeightsError: the file is something else.
            OSError: there is no such file.
        """
        file = path / WEIGHTS if path.is_dir() else path
        try:
            return cls(load_file(file))
        except SafetensorError as error:
            raise WeightsError(f"{file}: {error}") from error

    def __call__(self, frames: NDArray[np.int16], counts: Sequence[int], states: Floats) -> tuple[Floats, Floats]:
        """Returns the probabilities float32 [n] and the new states float32 [sessions, 2, 128].

        Args:
            frames: int16 [n, 576], the windows with their context, session behind session, in order.
            counts: Windows of each session, n in all.
            states: float32 [sessions, 2, 128]; zeros for a session that begins.
        """
        if not len(frames):
            return np.empty(0, np.float32), states.copy()
        slices = (frames[first : first + _SLICE_ROWS] for first in range(0, len(frames), _SLICE_ROWS))
        drive = np.concatenate([self._drive(part) for part in slices])
        outputs, after = self._cell.run(drive, counts, states)
        heard = product(pad_rows(np.maximum(outputs, 0)), self._final)[: len(frames), 0]
        return _sigmoid(heard + self._final_bias), after

    def _drive(self, frames: NDArray[np.int16]) -> Floats:
        """Returns float32 [n, 512]: what the windows say to the gates of the cell."""
        x = self._spectra(pad_rows(frames))
        for matrix, bias in self._front:
            x = product(x, matrix)
            x += bias
            np.maximum(x, 0, out=x)
        return self._cell.drive(x)[: len(frames)]

    def _spectra(self, frames: NDArray[np.int16]) -> Floats:
        """Returns float32 [n, 4 * 129]: magnitudes of the four spectra of every window."""
        mirrored = frames[:, -2 : -2 - _MIRRORED_SAMPLES : -1]
        parts = sliding_window_view(np.concatenate([frames, mirrored], axis=1), _FFT, axis=1)[:, ::_STEP_SAMPLES]
        spectra = np.fft.rfft(parts * self._window)
        magnitudes: Floats = np.sqrt(spectra.real**2 + spectra.imag**2).astype(np.float32)
        return magnitudes.reshape(len(frames), _STEPS * _BINS)


def _sigmoid(x: Floats) -> Floats:
    half = np.float32(0.5)
    result: Floats = np.tanh(x * half) * half + half
    return result


def _spectrum_window(kernels: Floats) -> NDArray[np.float64]:
    """Returns float64 [256]: the periodic Hann window over full scale, by which 16-bit samples are multiplied.

    The model stores its spectrum as a convolution with 129 cosines and 129 negative sines. A fast transform does
    the same in less time; that it is the same is checked.
    """
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_FFT) / _FFT)
    waves = np.fft.rfft(np.diag(window)).T
    if not np.allclose(kernels.reshape(2 * _BINS, _FFT), np.concatenate([waves.real, waves.imag]), atol=1e-5):
        raise ValueError("stft_conv.weight is not a windowed Fourier transform")
    return window / FULL_SCALE


def _unrolled(weights: Mapping[str, Floats], name: str, *, steps: int, stride: int) -> _Layer:
    """Returns a convolution over `steps` steps (3 taps, one step of zeros on either side) as one matrix.

    The matrix is float32 [steps * inputs, steps / stride * outputs]: a window is so short that the zeros in it cost
    less than gathering three steps for every one.
    """
    kernel: NDArray[Any] = weights[f"{name}.weight"]
    outputs, inputs, taps = kernel.shape
    steps_out = -(-steps // stride)
    matrix = np.zeros((steps, inputs, steps_out, outputs), np.float32)
    for step_out in range(steps_out):
        for tap in range(taps):
            step_in = step_out * stride + tap - 1
            if 0 <= step_in < steps:
                matrix[step_in, :, step_out] = kernel[:, :, tap].T
    bias = np.tile(weights[f"{name}.bias"], steps_out)
    return _Layer(matrix.reshape(steps * inputs, steps_out * outputs), bias)
