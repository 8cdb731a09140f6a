"""Matrix products whose rows do not depend on the rows beside them.

BLAS picks its kernel, and with it the order of additions, by the size of the product and by a row's place in it: the
same row times the same matrix may differ in its last bit between a batch of 3 and a batch of 300. Features must not
(a replay, or another mix of sessions in a batch, has to give the same bytes), so every product here has the same few
rows, and matrices have a multiple of 16 columns, so that nothing falls into a kernel for edges.
"""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float32, np.float64)
Scalar = TypeVar("Scalar", bound=np.generic)

BLOCK_ROWS: Final = 8
"""Rows of one product. The most for which every kernel of OpenBLAS for x86-64 (0.3.31: Nehalem, Sandybridge, Haswell,
Zen, SkylakeX, Cooperlake, SapphireRapids) treats all rows alike; those for AVX2 take 12 together and the rest in
another order. 16 would be a fifth faster with AVX-512 in a full batch, and slower for a single live session."""


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
    blocks = x.reshape(-1, BLOCK_ROWS, x.shape[1])
    result: NDArray[Number] = np.matmul(blocks, matrix).reshape(len(x), matrix.shape[1])
    return result
