"""A row times a matrix is the same bytes wherever it stands. OPENBLAS_CORETYPE=Haswell tries another kernel."""

import numpy as np
import pytest

from josefine_speech.rows import BLOCK_ROWS, BULK_ROWS, pad_rows, padded, product


@pytest.mark.parametrize(("k", "n"), [(516, 512), (512, 128), (128, 64), (64, 128), (128, 512), (128, 16)])
def test_float32_rows_are_alike(k, n):
    check(k, n, np.float32)


@pytest.mark.parametrize("mels", [80, 128])
def test_float64_rows_are_alike(mels):
    check(201, mels, np.float64)


def check(k, n, dtype):
    numbers = np.random.default_rng(k + n)
    matrix, rows = numbers.standard_normal((k, n)).astype(dtype), numbers.standard_normal((40, k)).astype(dtype)
    want = product(rows, matrix)
    np.testing.assert_allclose(want, rows @ matrix, rtol=0, atol=1e-3)
    for shift in range(1, BLOCK_ROWS):
        assert product(np.roll(rows, shift, axis=0), matrix).tobytes() == np.roll(want, shift, axis=0).tobytes()
    assert product(rows[:BLOCK_ROWS], matrix).tobytes() == want[:BLOCK_ROWS].tobytes()
    many = np.concatenate([rows] * 5)
    assert len(many) > 2 * BULK_ROWS
    assert product(many, matrix).tobytes() == np.concatenate([want] * 5).tobytes()


def test_rows_are_padded_with_zeros():
    whole = np.ones((BLOCK_ROWS, 3))
    assert pad_rows(whole) is whole
    assert pad_rows(np.ones((BLOCK_ROWS + 1, 3)))[BLOCK_ROWS + 1 :].tolist() == [[0, 0, 0]] * (BLOCK_ROWS - 1)
    assert [padded(rows) for rows in (0, 1, BLOCK_ROWS, BLOCK_ROWS + 1)] == [0, BLOCK_ROWS, BLOCK_ROWS, 2 * BLOCK_ROWS]
