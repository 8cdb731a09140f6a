"""Silero VAD 6 at 16 kHz in numpy, for any number of sessions at once.

Source: snakers4/silero-vad, silero_vad_16k.safetensors and the layers that go with it. A window is 512 samples
with 64 of the window before: four short spectra, four convolutions, one LSTM cell. The cell goes from window to
window with the sessions side by side; what comes before it is done for some windows of all sessions together, as many
as stay in the core's cache.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from josefine_speech.abreast import Abreast, Steps
from josefine_speech.cell import GATES, WIDTH, Cell
from josefine_speech.mel import FULL_SCALE
from josefine_speech.rows import pad_rows, padded, product
from josefine_speech.spectrum import power

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
_STRETCH_ROWS: Final = 384
"""Windows handled between two steps of the cell: what they say to its gates takes 0.8 MB. More of them would only be
paged in anew each time, fewer leave slices of less than 96 rows where there are many sessions."""
_FINAL_COLUMNS: Final = 16
"""The last layer has one output; products want 16 columns (rows.py)."""

Floats = NDArray[np.float32]


class WeightsError(ValueError):
    """The file is not Silero VAD 6 for 16 kHz. Fetch the model again; the same file will not do."""


class _Part(NamedTuple):
    """What one step of a convolution's output is made of: only steps that are there, no zeros around them."""

    inputs: slice
    outputs: slice
    matrix: Floats


class _Layer:
    """A convolution over the steps of a window, with 3 taps and a step of zeros on either side, and its rectifier."""

    def __init__(self, weights: Mapping[str, Floats], name: str, *, steps: int, stride: int) -> None:
        kernel = weights[f"{name}.weight"]
        steps_out = -(-steps // stride)
        self._parts: Final = [_part(kernel, step * stride - 1, step, steps) for step in range(steps_out)]
        self._bias: Final = np.tile(weights[f"{name}.bias"], steps_out)
        self._zeros: Final = np.zeros_like(self._bias)
        """numpy compares with an array in a third of the time that it takes with a number."""

    def __call__(self, x: Floats) -> Floats:
        """Returns float32 [n, steps out * outputs] for float32 [n, steps * inputs], whole blocks of rows."""
        y = np.empty((len(x), len(self._bias)), np.float32)
        for part in self._parts:
            product(x[:, part.inputs], part.matrix, out=y[:, part.outputs])
        y += self._bias
        np.maximum(y, self._zeros, out=y)
        return y


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
                _Layer(weights, "conv1", steps=4, stride=1),
                _Layer(weights, "conv2", steps=4, stride=2),
                _Layer(weights, "conv3", steps=2, stride=2),
                _Layer(weights, "conv4", steps=1, stride=1),
            )
            bias = weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
            self._cell: Final = Cell(weights["lstm_cell.weight_ih"], weights["lstm_cell.weight_hh"], bias)
            self._final: Final = np.zeros((WIDTH, _FINAL_COLUMNS), np.float32)
            self._final[:, 0] = weights["final_conv.weight"].reshape(WIDTH)
            self._final_bias: Final = np.float32(weights["final_conv.bias"].item())
            self._zeros: Final = np.zeros(WIDTH, np.float32)
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
        abreast = Abreast(counts)
        output, memory = (pad_rows(states[abreast.order, part]) for part in (0, 1))
        probabilities = np.empty(len(frames), np.float32)
        for steps in abreast.stretches(_STRETCH_ROWS):
            drive = self._drive(frames[steps.rows])
            probabilities[steps.rows] = self._probabilities(drive, steps, output, memory)
        after = np.empty_like(states)
        after[abreast.order, 0] = output[: len(states)]
        after[abreast.order, 1] = memory[: len(states)]
        return probabilities, after

    def _probabilities(self, drive: Floats, steps: Steps, output: Floats, memory: Floats) -> Floats:
        """Returns float32 [rows of the steps], and takes output and memory through the steps."""
        rows = len(steps.rows)
        heard, last = np.zeros((padded(rows), WIDTH), np.float32), 0
        for sequences, alike in groupby(steps.sequences):
            walk = self._cell.walk(output, memory, sequences)
            for _ in alike:
                first, last = last, last + sequences
                walk.step(drive[:, first:last])
                np.maximum(walk.output, self._zeros, out=heard[first:last])
        return _sigmoid(product(heard, self._final)[:rows, 0] + self._final_bias)

    def _drive(self, frames: NDArray[np.int16]) -> Floats:
        """Returns float32 [4, >= n, 128]: what the windows say to the gates of the cell."""
        drive = np.empty((GATES, padded(len(frames)), WIDTH), np.float32)
        for first in range(0, len(frames), _SLICE_ROWS):
            x = self._spectra(pad_rows(frames[first : first + _SLICE_ROWS]))
            for layer in self._front:
                x = layer(x)
            self._cell.drive(x, out=drive[:, first : first + len(x)])
        return drive

    def _spectra(self, frames: NDArray[np.int16]) -> Floats:
        """Returns float32 [n, 4 * 129]: magnitudes of the four spectra of every window."""
        parts = np.empty((len(frames), _STEPS, _FFT))
        for step in range(_STEPS):
            there = frames[:, step * _STEP_SAMPLES : step * _STEP_SAMPLES + _FFT]
            np.multiply(there, self._window[: there.shape[1]], out=parts[:, step, : there.shape[1]])
        mirrored = frames[:, -2 : -2 - _MIRRORED_SAMPLES : -1]
        np.multiply(mirrored, self._window[-_MIRRORED_SAMPLES:], out=parts[:, -1, -_MIRRORED_SAMPLES:])
        magnitudes = power(np.fft.rfft(parts)).astype(np.float32)
        np.sqrt(magnitudes, out=magnitudes)
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


def _part(kernel: NDArray[Any], first: int, step_out: int, steps: int) -> _Part:
    """Returns the part whose three taps lie on the input's steps from `first` on."""
    outputs, inputs, taps = kernel.shape
    there = range(max(first, 0), min(first + taps, steps))
    matrix = kernel[:, :, there.start - first : there.stop - first].transpose(2, 1, 0).reshape(-1, outputs)
    return _Part(
        slice(there.start * inputs, there.stop * inputs),
        slice(step_out * outputs, (step_out + 1) * outputs),
        np.ascontiguousarray(matrix),
    )
