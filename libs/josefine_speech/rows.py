"""Matrix products whose rows do not depend on the rows beside them.

BLAS picks its kernel, and with it the order of additions, by the size of the product and by a row's place in it: the
same row times the same matrix may differ in its last bit between a batch of 3 and a batch of 300. Features must not
(a replay, or another mix of sessions in a batch, has to give the same bytes), so every product here has the same few
rows, and matrices have a multiple of 16 columns, so that nothing falls into a kernel for edges.
"""

import time
from functools import cache
from typing import Any, Final, Generic, TypeVar

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
FEW_ROWS: Final = (2, 4)
"""Rows of one product where there are no more of them and the kernel gives the same bytes: a recording that is alone
goes through the cell in half the time. Not one row: numpy takes that for a vector, which has a kernel of its own."""
_TRIES: Final = 7
_NEVER_NS: Final = 1 << 62


def padded(rows: int) -> int:
    """Returns the number of rows, rounded up to whole blocks."""
    return -(-rows // BLOCK_ROWS) * BLOCK_ROWS


def pad_rows(x: NDArray[Scalar]) -> NDArray[Scalar]:
    """Returns x with rows of zeros behind it up to whole blocks; x itself where it has whole blocks."""
    missing = padded(len(x)) - len(x)
    return np.concatenate([x, np.zeros((missing, *x.shape[1:]), x.dtype)]) if missing else x


def fitting(rows: int, matrix: NDArray[Number]) -> int:
    """Returns the least number of rows, not less than `rows`, whose product with the matrix depends on none beside."""
    few = _few_rows(*matrix.shape[-2:], matrix.dtype)
    return next((enough for enough in few if rows <= enough), padded(rows))


_Arrays = tuple[NDArray[Number], NDArray[Number], NDArray[Number]]


class Product(Generic[Number]):
    """x @ matrix, laid out once for arrays whose numbers change. One thread at a time."""

    def __init__(self, x: NDArray[Number], matrix: NDArray[Number], out: NDArray[Number]) -> None:
        """As `product`; x has whole blocks of rows, or as many as `fitting` gave."""
        k, n = matrix.shape[-2:]
        bulk = _bulk_rows(k, n, x.dtype) if len(x) >= BULK_ROWS else min(len(x), BLOCK_ROWS) or BLOCK_ROWS
        whole = len(x) // bulk * bulk
        self._parts: Final[list[_Arrays[Number]]] = [_laid_out(x[:whole], matrix, bulk, out[..., :whole, :])]
        if whole < len(x):
            self._parts.append(_laid_out(x[whole:], matrix, BLOCK_ROWS, out[..., whole:, :]))

    def __call__(self) -> None:
        """Puts the product of what x and matrix hold now into `out`."""
        for x, matrix, out in self._parts:
            np.matmul(x, matrix, out=out)


def product(x: NDArray[Number], matrix: NDArray[Number], out: NDArray[Number] | None = None) -> NDArray[Number]:
    """Returns x @ matrix, float [..., rows, n], block by block; in `out` where that is given.

    Args:
        x: float [rows, k], whole blocks of rows, each row without gaps.
        matrix: float [..., k, n], n a multiple of 16; one or several.
        out: float [..., rows, n], each row without gaps.
    """
    *several, _, n = matrix.shape
    result = np.empty((*several, len(x), n), x.dtype) if out is None else out
    Product(x, matrix, result)()
    return result


def _laid_out(x: NDArray[Number], matrix: NDArray[Number], rows: int, out: NDArray[Number]) -> _Arrays[Number]:
    """Returns views of x, matrix and out for products of so many rows; nothing is copied."""
    *several, k, n = matrix.shape
    return x.reshape(-1, rows, k), matrix[..., None, :, :], out.reshape(*several, -1, rows, n)


def _multiply(x: NDArray[Number], matrix: NDArray[Number], rows: int, out: NDArray[Number]) -> None:
    blocks, matrices, results = _laid_out(x, matrix, rows, out)
    np.matmul(blocks, matrices, out=results)


@cache
def _few_rows(k: int, n: int, dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Returns which of FEW_ROWS may be multiplied alone, as tried out on this machine: where its BLAS gives the same
    bytes as for a whole block.
    """
    numbers = np.random.default_rng(k * n)
    same = list(FEW_ROWS)
    for _ in range(_TRIES):
        matrix = numbers.standard_normal((k, n)).astype(dtype)
        x = numbers.standard_normal((BLOCK_ROWS, k)).astype(dtype)
        whole = x @ matrix
        same = [few for few in same if np.array_equal(x[:few] @ matrix, whole[:few])]
    return tuple(same)


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
