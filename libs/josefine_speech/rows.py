"""Matrix products whose rows do not depend on the rows beside them.

BLAS picks its kernel, and with it the order of additions, by the size of the product and by a row's place in it: the
same row times the same matrix may differ in its last bit between a batch of 3 and a batch of 300. Features must not
(a replay, or another mix of sessions in a batch, has to give the same bytes), so every product here has the same few
rows, and matrices have a multiple of 16 columns, so that nothing falls into a kernel for edges.
"""

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
"""Rows of one product where there are many and the kernel allows: each call copies the matrix into the kernel's own
order, which at 8 rows takes as long as the arithmetic (516 x 512: 16 us a row against 9)."""
_TRIES: Final = 3


def padded(rows: int) -> int:
    """Returns the number of rows, rounded up to whole blocks."""
    return -(-rows // BLOCK_ROWS) * BLOCK_ROWS


def pad_rows(x: NDArray[Scalar]) -> NDArray[Scalar]:
    """Returns x with rows of zeros behind it up to whole blocks; x itself where it has whole blocks."""
    missing = padded(len(x)) - len(x)
    return np.concatenate([x, np.zeros((missing, *x.shape[1:]), x.dtype)]) if missing else x


def product(x: NDArray[Number], matrix: NDArray[Number]) -> NDArray[Number]:
    """Returns x @ matrix, float [rows, n], block by block.

    Args:
        x: float [rows, k], C-contiguous, whole blocks of rows.
        matrix: float [k, n], n a multiple of 16.
    """
    bulk = _bulk_rows(*matrix.shape, x.dtype) if len(x) >= BULK_ROWS else BLOCK_ROWS
    whole = len(x) // bulk * bulk
    if whole == len(x):
        return _blocks(x, matrix, bulk)
    return np.concatenate([_blocks(x[:whole], matrix, bulk), _blocks(x[whole:], matrix, BLOCK_ROWS)])


def _blocks(x: NDArray[Number], matrix: NDArray[Number], rows: int) -> NDArray[Number]:
    blocks = x.reshape(-1, rows, x.shape[1])
    result: NDArray[Number] = np.matmul(blocks, matrix).reshape(len(x), matrix.shape[1])
    return result


@cache
def _bulk_rows(k: int, n: int, dtype: np.dtype[Any]) -> int:
    """Returns how many rows may be taken together: BULK_ROWS where this machine's BLAS then gives the same bytes, which
    depends on its kernel and the matrix's shape alone, so that it can be tried out.
    """
    numbers = np.random.default_rng(k * n)
    for _ in range(_TRIES):
        matrix = numbers.standard_normal((k, n)).astype(dtype)
        x = numbers.standard_normal((BULK_ROWS, k)).astype(dtype)
        if not np.array_equal(_blocks(x, matrix, BULK_ROWS), _blocks(x, matrix, BLOCK_ROWS)):
            return BLOCK_ROWS
    return BULK_ROWS
