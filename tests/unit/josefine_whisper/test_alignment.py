import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from josefine_whisper.alignment import _median7, attention_over_time, token_times

matrices = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(-4, 4, width=32)
)


def cheapest_path(cost: np.ndarray) -> float:
    """The textbook recurrence of dynamic time warping, cell by cell."""
    best = np.full((cost.shape[0] + 1, cost.shape[1] + 1), np.inf)
    best[0, 0] = 0.0
    for row, column in np.ndindex(cost.shape):
        before = min(best[row, column], best[row, column + 1], best[row + 1, column])
        best[row + 1, column + 1] = cost[row, column] + before
    return best[-1, -1]


def path_cost(cost: np.ndarray, starts: np.ndarray) -> float:
    """Cost of the cheapest path whose rows are entered at `starts`."""
    ends = [*starts[1:], cost.shape[1] - 1]
    total = 0.0
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        # A row is left diagonally before, or straight up at, the column where the next one is entered.
        last = end if row == len(starts) - 1 else max(start, end - 1)
        straight = cost[row, start : end + 1].sum()
        diagonal = cost[row, start : last + 1].sum() if end > start else np.inf
        total += min(straight, diagonal) if row < len(starts) - 1 else straight
    return total


@given(matrices)
def test_takes_a_cheapest_path(attention):
    starts = np.round(token_times(attention) * 50).astype(int)
    cost = -attention.astype(np.float64)
    assert path_cost(cost, starts) == pytest.approx(cheapest_path(cost), abs=1e-6)


@given(matrices)
def test_times_begin_at_zero_and_never_decrease(attention):
    times = token_times(attention)
    assert times[0] == 0.0
    assert (np.diff(times) >= 0).all()
    assert times[-1] <= attention.shape[1] / 50


def test_follows_a_diagonal():
    attention = np.kron(np.eye(4, dtype=np.float32), np.ones((1, 10), dtype=np.float32))
    np.testing.assert_allclose(token_times(attention), [0.0, 0.2, 0.4, 0.6])


@given(hnp.arrays(np.float32, (2, 3, 9), elements=st.floats(-4, 4, width=32)))
def test_median_of_seven(values):
    padded = np.pad(values, ((0, 0), (0, 0), (3, 3)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=-1)
    np.testing.assert_array_equal(_median7(torch.from_numpy(values)).numpy(), np.median(windows, axis=-1))


def test_attention_of_a_window_shorter_than_the_filter():
    queries, keys = torch.randn(2, 3, 64), torch.randn(2, 2, 64)
    assert attention_over_time(queries, keys).shape == (3, 2)
