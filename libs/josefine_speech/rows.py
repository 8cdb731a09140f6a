"""Matrix products whose rows do not depend on the rows beside them.

BLAS picks its kernel, and with it the order of additions, by the size of the product and by a row's place in it: the
same row times the same matrix may differ in its last bit between a batch of 3 and a batch of 300. Features must not
(a replay, or another mix of sessions in a batch, has to give the same bytes), so every product here has the same few
rows, and matrices have a multiple of 16 columns, so that nothing falls into a kernel for edges.
"""

import time
from functools import cache
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float32, np.float64)
Scalar = TypeVar("Scalar", bound=np.generic)

BLOCK_ROWS: Final = 8
"""Rows of one product. The most for which every kernel of OpenBLAS for x86-64 (0.3.31: Nehalem, Sandybridge, Haswell,
Zen, SkylakeX, Cooperlake, SapphireRapids) treats all rows alike; those for AVX2 take 12 together and the rest in
another order."""
BULK_ROWS: Final = 96
"""Rows of one product where there are many and the kernel allows: a call copies the matrix into the kernel's own
order, which at 8 rows takes as long as the arithmetic (516 x 512: 16 us a row against 9). Kernels for AVX-512 spare
themselves the copy where rows, columns and depth multiply to less than a million; 8 rows are then best."""
_TRIES: Final = 7
_NEVER_NS: Final = 1 << 62


def padded(rows: int) -> int:
    """Returns the number of rows, rounded up to whole blocks."""
    return -(-rows // BLOCK_ROWS) * BLOCK_ROWS


def pad_rows(x: NDArray[Scalar]) -> NDArray[Scalar]:
    """Returns x with rows of zeros behind it up to whole blocks; x itself where it has whole blocks."""
    missing = padded(len(x)) - len(x)
    return np.concatenate([x, np.zeros((missing, *x.shape[1:]), x.dtype)]) if missing else x


def product(x: NDArray[Number], matrix: NDArray[Number], out: NDArray[Number] | None = None) -> NDArray[Number]:
    """Returns x @ matrix, float [..., rows, n], block by block; in `out` where that is given.

    Args:
        x: float [rows, k], whole blocks of rows, each row without gaps.
        matrix: float [..., k, n], n a multiple of 16; one or several.
        out: float [..., rows, n], each row without gaps.
    """
    *several, k, n = matrix.shape
    result = np.empty((*several, len(x), n), x.dtype) if out is None else out
    bulk = _bulk_rows(k, n, x.dtype) if len(x) >= BULK_ROWS else BLOCK_ROWS
    whole = len(x) // bulk * bulk
    _multiply(x[:whole], matrix, bulk, result[..., :whole, :])
    if whole < len(x):
        _multiply(x[whole:], matrix, BLOCK_ROWS, result[..., whole:, :])
    return result


def _multiply(x: NDArray[Number], matrix: NDArray[Number], rows: int, out: NDArray[Number]) -> None:
    *several, k, n = matrix.shape
    np.matmul(x.reshape(-1, rows, k), matrix[..., None, :, :], out=out.reshape(*several, -1, rows, n))


@cache
def _bulk_rows(k: int, n: int, dtype: np.dtype[Any]) -> int:
    """Returns how many rows are best taken together, as tried out on this machine: BULK_ROWS where its BLAS then gives
    the same bytes, which depends on its kernel and the matrix's shape alone, and in less time.
    """
    numbers = np.random.default_rng(k * n)
    took_ns = dict.fromkeys((BULK_ROWS, BLOCK_ROWS), _NEVER_NS)
    for _ in range(_TRIES):
        matrix = numbers.standard_normal((k, n)).astype(dtype)
        x = numbers.standard_normal((BULK_ROWS, k)).astype(dtype)
        results = {rows: np.empty((BULK_ROWS, n), dtype) for rows in took_ns}
        for rows, result in results.items():
            begun_ns = time.thread_time_ns()
            _multiply(x, matrix, rows, result)
            took_ns[rows] = min(took_ns[rows], time.thread_time_ns() - begun_ns)
        if not np.array_equal(results[BULK_ROWS], results[BLOCK_ROWS]):
            return BLOCK_ROWS
    return min(took_ns, key=took_ns.__getitem__)
