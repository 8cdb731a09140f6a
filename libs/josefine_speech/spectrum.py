"""Power of spectra."""

import numpy as np
from numpy.typing import NDArray


def power(spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Returns float64 [..., bins]: squared magnitudes.

    spectrum: complex128 [..., bins] without gaps; it is overwritten.
    """
    parts = spectrum.view(np.float64)
    np.multiply(parts, parts, out=parts)
    squares: NDArray[np.float64] = parts[..., 0::2] + parts[..., 1::2]
    return squares
