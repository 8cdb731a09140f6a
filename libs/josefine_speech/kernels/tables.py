"""What the kernels read, laid out once: the structures of tables.h, field by field, and the arrays behind them."""

import ctypes
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

PANEL: Final = 64
"""Columns of a matrix that stand together."""
WIDEST: Final = 516
"""Numbers of a window between two layers, at most."""
MEL_MULTIPLE: Final = 16
"""Mel bands are handled by so many."""
_MOST_PASSES: Final = 8
_RADICES: Final = (5, 4, 2)

Floats = NDArray[np.float32]


class _Transform(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_int32),
        ("radices", ctypes.c_int32 * _MOST_PASSES),
        ("window", ctypes.c_void_p),
        ("twiddles", ctypes.c_void_p),
        ("turns", ctypes.c_void_p),
    )


class _Mel(ctypes.Structure):
    _fields_ = (
        ("transform", _Transform),
        ("mels", ctypes.c_int32),
        ("first", ctypes.c_void_p),
        ("bins", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
    )


class _Product(ctypes.Structure):
    _fields_ = (
        ("input", ctypes.c_int32),
        ("depth", ctypes.c_int32),
        ("output", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("matrix", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
    )


class _Layer(ctypes.Structure):
    _fields_ = (
        ("products", ctypes.c_int32),
        ("rectified", ctypes.c_int32),
        ("product", ctypes.POINTER(_Product)),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("transform", _Transform),
        ("layers", ctypes.c_int32),
        ("layer", ctypes.POINTER(_Layer)),
        ("recurrent", _Product),
        ("last", ctypes.c_void_p),
        ("last_bias", ctypes.c_float),
    )


class Product(NamedTuple):
    """Some of a layer's inputs times a matrix: some of its outputs."""

    input: int
    """The first of the inputs."""
    output: int
    """The first of the outputs."""
    matrix: Floats
    """float32 [inputs, outputs], outputs a multiple of 64."""
    bias: Floats
    """float32 [outputs]."""


class Layer(NamedTuple):
    """Products that go side by side from the same numbers."""

    products: Sequence[Product]
    rectified: bool
    """Whether what is below 0 becomes 0."""


class _Table:
    """A structure, and the arrays that it points into."""

    def __init__(self) -> None:
        self._kept: Final[list[Any]] = []

    def _pointer(self, array: NDArray[Any], dtype: type[np.generic]) -> int:
        laid_out = np.ascontiguousarray(array, dtype)
        self._kept.append(laid_out)
        return laid_out.ctypes.data

    def _transform(self, window: NDArray[np.float64]) -> _Transform:
        size, numbers = len(window), len(window) // 2
        radices = _passes(numbers)
        twiddles, left = [], numbers
        for radix in radices:
            butterflies = left // radix
            twiddles.append(np.outer(np.arange(butterflies), np.arange(1, radix)).ravel() / left)
            left = butterflies
        return _Transform(
            size,
            (ctypes.c_int32 * _MOST_PASSES)(*radices),
            self._pointer(window, np.float32),
            self._pointer(_unit(np.concatenate(twiddles)), np.complex64),
            self._pointer(_unit(np.arange(numbers + 1) / size), np.complex64),
        )

    def _product(self, product: Product) -> _Product:
        depth, width = product.matrix.shape
        inside = product.input + depth <= WIDEST and product.output + width <= WIDEST
        if not inside or width % PANEL or product.bias.shape != (width,):
            raise ValueError(f"a product of {depth} inputs and {width} outputs does not fit, bias {product.bias.shape}")
        panels = product.matrix.reshape(depth, width // PANEL, PANEL).transpose(1, 0, 2)
        matrix, bias = self._pointer(panels, np.float32), self._pointer(product.bias, np.float32)
        return _Product(product.input, depth, product.output, width, matrix, bias)

    def _layer(self, layer: Layer) -> _Layer:
        products = (_Product * len(layer.products))(*map(self._product, layer.products))
        self._kept.append(products)
        return _Layer(len(products), layer.rectified, products)


class MelTable(_Table):
    """Of log-mel columns."""

    def __init__(self, window: NDArray[np.float64], filters: NDArray[np.float64]) -> None:
        """Lays out the filters.

        Args:
            window: float64 [400], by which 16-bit samples are multiplied.
            filters: float64 [201, mels].

        Raises:
            ValueError: mels is not a multiple of 16, or so large that a filter has no bin.
        """
        super().__init__()
        seen = [np.flatnonzero(column) for column in filters.T]
        if len(seen) % MEL_MULTIPLE or not all(len(bins) for bins in seen):
            raise ValueError(f"{len(seen)} mel bands: not a multiple of {MEL_MULTIPLE}, or too narrow for the spectrum")
        first = np.array([bins[0] for bins in seen])
        counts = np.array([bins[-1] + 1 - bins[0] for bins in seen])
        weights = [column[start : start + count] for column, start, count in zip(filters.T, first, counts, strict=True)]
        self.mels: Final = len(seen)
        self.structure: Final = _Mel(
            self._transform(window),
            self.mels,
            self._pointer(first, np.int32),
            self._pointer(counts, np.int32),
            self._pointer(np.concatenate(weights), np.float32),
        )


class VoiceTable(_Table):
    """Of voice activity."""

    def __init__(
        self, window: NDArray[np.float64], layers: Sequence[Layer], recurrent: Floats, last: Floats, last_bias: float
    ) -> None:
        """Lays out the layers.

        Args:
            window: float64 [256], by which 16-bit samples are multiplied.
            layers: From magnitudes [4 * 129] to what drives the gates i, f, g, o of the cell [4 * 128].
            recurrent: float32 [128, 4 * 128], from the cell's output to its gates.
            last: float32 [128], from the cell's rectified output to the logit.
            last_bias: What is added to the logit.

        Raises:
            ValueError: the layers do not fit into what the kernels hold between two of them.
        """
        super().__init__()
        laid_out = (_Layer * len(layers))(*map(self._layer, layers))
        self._kept.append(laid_out)
        gates = Product(0, 0, recurrent, np.zeros(recurrent.shape[1], np.float32))
        self.structure: Final = _Voice(
            self._transform(window),
            len(laid_out),
            laid_out,
            self._product(gates),
            self._pointer(last, np.float32),
            last_bias,
        )


def _unit(turns: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Returns exp(-2 pi i turns)."""
    roots: NDArray[np.complex128] = np.exp(-2j * np.pi * turns)
    return roots


def _passes(numbers: int) -> list[int]:
    """Returns the radices of the passes whose product the count of numbers is."""
    radices = []
    for radix in _RADICES:
        while numbers % radix == 0:
            radices.append(radix)
            numbers //= radix
    if numbers != 1:
        raise ValueError(f"a transform has factors {_RADICES} alone, and what is left is {numbers}")
    return radices
