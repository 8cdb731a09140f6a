"""A row times a matrix is the same bytes wherever it stands. OPENBLAS_CORETYPE=Haswell tries another kernel."""

import numpy as np
import pytest

from josefine_speech.rows import BLOCK_ROWS, BULK_ROWS, Product, fitting, pad_rows, padded, product


@pytest.mark.parametrize(
    ("k", "n"), [(258, 128), (387, 128), (256, 64), (384, 64), (128, 64), (64, 128), (128, 128), (128, 16), (516, 512)]
)
def test_float32_rows_are_alike(k, n):
    check(k, n, np.float32)


@pytest.mark.parametrize("k", [9, 17, 28, 52, 95, 201])
def test_float64_rows_are_alike(k):
    check(k, 16, np.float64)


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


@pytest.mark.parametrize("rows", [BLOCK_ROWS, BULK_ROWS, BULK_ROWS + BLOCK_ROWS])
def test_columns_of_a_wider_array_give_the_same_in_place(rows):
    numbers = np.random.default_rng(rows)
    wide, out = numbers.standard_normal((rows, 40)), np.full((rows, 48), 7.0)
    matrix = numbers.standard_normal((21, 16))
    want = product(np.ascontiguousarray(wide[:, 3:24]), matrix)
    product(wide[:, 3:24], matrix, out=out[:, 16:32])
    assert out[:, 16:32].tobytes() == want.tobytes()
    assert (np.delete(out, range(16, 32), axis=1) == 7).all()


@pytest.mark.parametrize("rows", [BLOCK_ROWS, BULK_ROWS + BLOCK_ROWS])
def test_several_matrices_are_each_alone(rows):
    numbers = np.random.default_rng(rows)
    x, matrices = numbers.standard_normal((rows, 24)), numbers.standard_normal((3, 24, 32))
    together = product(x, matrices)
    assert together.tobytes() == np.stack([product(x, matrix) for matrix in matrices]).tobytes()
    longer = np.zeros((3, rows + 5, 32))
    product(x, matrices, out=longer[:, 2 : 2 + rows])
    assert longer[:, 2 : 2 + rows].tobytes() == together.tobytes()
    assert not longer[:, :2].any()


def test_rows_are_padded_with_zeros():
    whole = np.ones((BLOCK_ROWS, 3))
    assert pad_rows(whole) is whole
    assert pad_rows(np.ones((BLOCK_ROWS + 1, 3)))[BLOCK_ROWS + 1 :].tolist() == [[0, 0, 0]] * (BLOCK_ROWS - 1)
    assert [padded(rows) for rows in (0, 1, BLOCK_ROWS, BLOCK_ROWS + 1)] == [0, BLOCK_ROWS, BLOCK_ROWS, 2 * BLOCK_ROWS]


@pytest.mark.parametrize("rows", range(1, 2 * BLOCK_ROWS + 1))
def test_few_rows_are_alike_as_few_as_fit(rows):
    numbers = np.random.default_rng(rows)
    x = numbers.standard_normal((2 * BLOCK_ROWS, 128)).astype(np.float32)
    matrices = numbers.standard_normal((4, 128, 128)).astype(np.float32)
    fit = fitting(rows, matrices)
    assert rows <= fit <= padded(rows)
    out = np.empty((4, fit, 128), np.float32)
    Product(x[:fit], matrices, out)()
    assert out[:, :rows].tobytes() == product(x, matrices)[:, :rows].tobytes()


def test_a_product_that_is_laid_out_sees_what_its_arrays_hold():
    x, matrix, out = np.zeros((BLOCK_ROWS, 16)), np.eye(16), np.ones((BLOCK_ROWS, 16))
    multiply = Product(x, matrix, out)
    multiply()
    assert not out.any()
    x[3, 5] = 2.0
    multiply()
    assert out.tolist() == x.tolist()
