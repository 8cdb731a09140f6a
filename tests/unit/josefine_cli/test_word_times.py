import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_cli.manifest import ReferenceSegment
from josefine_cli.word_times import border_errors_s, time_faults


def timed(*entries):
    return [
        {"word": word.lower(), "punctuated_word": word, "start": start, "end": end, "confidence": 1.0}
        for word, start, end in entries
    ]


SEGMENTS = [ReferenceSegment(1.0, 2.0, "Hello there, you."), ReferenceSegment(3.0, 4.0, "Seven days.")]


def test_borders_are_compared_where_the_word_was_recognised():
    words = timed(("hello", 1.1, 1.3), ("there", 1.4, 1.6), ("you", 1.7, 1.9), ("7", 3.05, 3.3), ("days", 3.4, 4.2))

    assert border_errors_s(SEGMENTS, words) == pytest.approx([0.1, -0.1, 0.05, 0.2])


def test_a_border_where_something_else_was_heard_says_nothing():
    words = timed(("yellow", 1.1, 1.3), ("there", 1.4, 1.6), ("you", 1.7, 1.9), ("days", 3.4, 4.0))

    assert border_errors_s(SEGMENTS, words) == pytest.approx([-0.1, 0.0])
    assert border_errors_s(SEGMENTS, []) == []
    assert border_errors_s([], words) == []


def test_times_must_go_on_and_stay_inside():
    good = timed(("a", 0.0, 0.5), ("b", 0.5, 0.9), ("c", 0.5, 1.0))
    assert time_faults(good, 1.0) == 0
    assert time_faults(timed(("a", 0.5, 0.6), ("b", 0.4, 0.7)), 1.0) == 1
    assert time_faults(timed(("a", 0.5, 0.4)), 1.0) == 1
    assert time_faults(timed(("a", 0.5, 1.2)), 1.0) == 1
    assert time_faults(timed(("a", -0.1, 0.2)), 1.0) == 1


@given(st.lists(st.floats(0, 10), max_size=20))
def test_sorted_words_have_no_faults(starts):
    assert time_faults(timed(*(("w", start, start) for start in sorted(starts))), 10.0) == 0
