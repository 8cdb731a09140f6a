"""Rows keep their own audio, whatever rows of other lengths are dropped around them."""

import pytest

torch = pytest.importorskip("torch")

from josefine_whisper.cache import CrossGroup  # noqa: E402 - after the check for torch
from josefine_whisper.model import _attend_groups  # noqa: E402

HEADS, WIDTH = 2, 64


def group_of(rows, positions, generator):
    keys_values = torch.randn(1, 2, len(rows), HEADS, positions, WIDTH, generator=generator)
    return CrossGroup(keys_values, rows, torch.zeros(len(rows), positions)), keys_values.clone()


def drop(groups, row, last):
    """Takes a row out as a batch does: the last one gets its number."""
    next(group for group in groups if row in group.rows).drop(row)
    if row != last:
        next(group for group in groups if last in group.rows).rename(last, row)
    return [group for group in groups if group.rows]


@pytest.mark.parametrize("dropped", [[0], [0, 1], [1, 0], [0, 3], [4, 0]])
def test_each_row_attends_to_its_own_audio(dropped):
    generator = torch.Generator().manual_seed(1)
    short, short_audio = group_of([0, 1], 5, generator)
    long, long_audio = group_of([2, 3, 4], 9, generator)
    audio = [short_audio[0, :, at] for at in range(2)] + [long_audio[0, :, at] for at in range(3)]
    owners, groups = list(range(5)), [short, long]
    for row in dropped:
        groups = drop(groups, row, len(owners) - 1)
        owners[row] = owners[-1]
        owners.pop()
    query = torch.randn(len(owners), HEADS, 1, WIDTH, generator=generator)

    attended = _attend_groups(query, 0, groups)

    for row, owner in enumerate(owners):
        keys, values = audio[owner]
        expected = torch.nn.functional.scaled_dot_product_attention(query[row], keys, values)
        torch.testing.assert_close(attended[row], expected)
