"""Every input once, each sequence in its own order, the long ones in front."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from josefine_speech.abreast import Abreast


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 40))
def test_all_inputs_come_once_and_in_order(counts, most_rows):
    abreast = Abreast(counts)
    borders = np.cumsum([0, *counts])
    reached = [0] * len(counts)
    for steps in abreast.stretches(most_rows):
        assert len(steps.rows) == sum(steps.sequences)
        assert len(steps.rows) <= most_rows or len(steps.sequences) == 1
        rows = iter(steps.rows.tolist())
        for sequences in steps.sequences:
            for sequence in abreast.order[:sequences].tolist():
                assert next(rows) == borders[sequence] + reached[sequence]
                reached[sequence] += 1
    assert reached == counts
    assert sorted(abreast.order.tolist()) == list(range(len(counts)))


def test_short_sequences_end_behind_the_others():
    (steps,) = Abreast([1, 3, 0, 2]).stretches(100)
    assert steps.sequences == [3, 2, 1]
    assert steps.rows.tolist() == [1, 4, 0, 2, 5, 3]
