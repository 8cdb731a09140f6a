"""Silero VAD 6 at 16 kHz, for any number of sessions at once.

Source: snakers4/silero-vad, silero_vad_16k.safetensors and the layers that go with it. A window is 512 samples
with 64 of the window before, and its own last 64 mirrored behind it: four short spectra, four convolutions, one LSTM
cell, which goes from window to window with the sessions side by side. The arithmetic is in kernels/features.c; here is
what of the weights goes where.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from josefine_speech.grid import VAD_STATE
from josefine_speech.kernels.library import Kernels, best_kernels
from josefine_speech.kernels.tables import Layer, Product, VoiceTable
from josefine_speech.mel import FULL_SCALE

WEIGHTS: Final = "silero_vad_16k.safetensors"
"""The file in the model's folder."""
_FFT: Final = 256
_BINS: Final = _FFT // 2 + 1
GATES: Final = 4
"""i, f, g, o, as torch has them."""
_SHAPES: Final = {
    "stft_conv.weight": (2 * _BINS, 1, _FFT),
    "conv1.weight": (128, _BINS, 3),
    "conv2.weight": (64, 128, 3),
    "conv3.weight": (64, 64, 3),
    "conv4.weight": (128, 64, 3),
    "conv1.bias": (128,),
    "conv2.bias": (64,),
    "conv3.bias": (64,),
    "conv4.bias": (128,),
    "lstm_cell.weight_ih": (GATES * VAD_STATE, VAD_STATE),
    "lstm_cell.weight_hh": (GATES * VAD_STATE, VAD_STATE),
    "lstm_cell.bias_ih": (GATES * VAD_STATE,),
    "lstm_cell.bias_hh": (GATES * VAD_STATE,),
    "final_conv.weight": (1, VAD_STATE, 1),
    "final_conv.bias": (1,),
}

Floats = NDArray[np.float32]


class WeightsError(ValueError):
    """The file is not Silero VAD 6 for 16 kHz. Fetch the model again; the same file will not do."""


class VoiceActivity:
    """Probabilities of speech. Read-only after construction: any thread may call it."""

    def __init__(self, weights: Mapping[str, Floats], kernels: Kernels | None = None) -> None:
        """Lays out the layers; kernels: those of the best instruction set unless given.

        Raises:
            WeightsError: a tensor is missing or has another shape, or the first layer is not the spectrum.
        """
        try:
            self._table: Final = _table(weights)
        except (KeyError, ValueError) as error:
            raise WeightsError(f"not the weights of Silero VAD 6 for 16 kHz: {error}") from error
        self._kernels: Final = kernels or best_kernels()

    @classmethod
    def load(cls, path: Path, kernels: Kernels | None = None) -> Self:
        """Returns the model of a safetensors file, or of a folder that holds `WEIGHTS`.

        Raises:
            WeightsError: the file is something else.
            OSError: there is no such file.
        """
        file = path / WEIGHTS if path.is_dir() else path
        try:
            return cls(load_file(file), kernels)
        except SafetensorError as error:
            raise WeightsError(f"{file}: {error}") from error

    def __call__(
        self,
        samples: NDArray[np.int16],
        first: Sequence[int],
        counts: Sequence[int],
        begins: Sequence[bool],
        states: Floats,
    ) -> Floats:
        """Returns the probabilities, float32 [sum(counts)], session behind session.

        Args:
            samples: int16, of any number of sessions; 64 samples stand before each window.
            first: For each session the first sample of its first window.
            counts: For each session the windows, which follow each other.
            begins: For each session whether it begins, so that silence is before its first window.
            states: float32 [sessions, 2, 128], taken along in place; zeros for a session that begins.

        Raises:
            ValueError: a window lies outside the samples.
        """
        return self._kernels.voice_activity(self._table, samples, first, counts, begins, states)


def _table(weights: Mapping[str, Floats]) -> VoiceTable:
    for name, shape in _SHAPES.items():
        if weights[name].shape != shape:
            raise ValueError(f"{name} is {list(weights[name].shape)}, not {list(shape)}")
    bias = weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
    gates = Product(0, 0, _transposed(weights["lstm_cell.weight_ih"], VAD_STATE), bias.reshape(GATES * VAD_STATE))
    layers = (
        _convolution(weights, "conv1", steps=4, stride=1),
        _convolution(weights, "conv2", steps=4, stride=2),
        _convolution(weights, "conv3", steps=2, stride=2),
        _convolution(weights, "conv4", steps=1, stride=1),
        Layer([gates], rectified=False),
    )
    return VoiceTable(
        _spectrum_window(weights["stft_conv.weight"]),
        layers,
        _transposed(weights["lstm_cell.weight_hh"], VAD_STATE),
        weights["final_conv.weight"].reshape(VAD_STATE),
        weights["final_conv.bias"].item(),
    )


def _transposed(matrix: Floats, inputs: int) -> Floats:
    return matrix.reshape(GATES * VAD_STATE, inputs).T


def _convolution(weights: Mapping[str, Floats], name: str, *, steps: int, stride: int) -> Layer:
    """Returns the layer over the steps of a window: 3 taps, a step of zeros on either side, a rectifier.

    Only steps that are there are multiplied, no zeros around them.
    """
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    outputs, inputs, taps = kernel.shape
    products = []
    for step in range(-(-steps // stride)):
        first = step * stride - 1
        there = range(max(first, 0), min(first + taps, steps))
        matrix = kernel[:, :, there.start - first : there.stop - first].transpose(2, 1, 0).reshape(-1, outputs)
        products.append(Product(there.start * inputs, step * outputs, matrix, bias))
    return Layer(products, rectified=True)


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
