from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_nlu.spoken_numbers import digit_runs, passes_luhn


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("call 555-123-4567 now", "5551234567"),
        ("call (555) 123 4567", "5551234567"),
        ("5 5 5, 1 2 3, 4 5 6 7.", "5551234567"),
        ("five five five, one two three, four five six seven", "5551234567"),
        ("Five 5 five. 123-4567", "5551234567"),
        ("double five oh triple two, seven nine", "5502227" + "9"),
        ("4111, 1111, 1111, 1111", "4111111111111111"),
        ("4111\u20131111\u20131111\u20131111", "4111111111111111"),
    ],
)
def test_what_is_said_in_one_go_is_one_run(text, digits):
    (run,) = digit_runs(text)
    assert run.digits == digits


@pytest.mark.parametrize(
    "text",
    [
        "we sold 1,000,000 units",
        "it costs $1,234,567.89 today",
        "in 1985 there were 2000 of 300",
        "one of the two, three at most",
        "version 123abc4567890",
        "\u0663\u0664\u0665 \u0663\u0664\u0665 \u0663\u0664\u0665",
        "",
    ],
)
def test_quantities_and_words_are_no_runs(text):
    assert digit_runs(text) == []


def test_places_and_groups():
    text = "It is 123 45 6789, okay."
    (run,) = digit_runs(text)
    assert text[run.start_char : run.end_char] == "123 45 6789"
    assert run.shape == (3, 2, 4)


def test_luhn():
    assert passes_luhn("4111111111111111")
    assert passes_luhn("378282246310005")
    assert not passes_luhn("4111111111111112")


@given(st.text("0123456789", min_size=12, max_size=19))
def test_luhn_catches_a_misheard_digit(digits):
    check = next(str(last) for last in range(10) if passes_luhn(digits + str(last)))
    wrong = str((int(digits[0]) + 1) % 10)
    assert not passes_luhn(wrong + digits[1:] + check)


@given(st.text("0123456789 ,.-()$abone\n", max_size=200))
def test_runs_are_ordered_disjoint_and_start_and_end_with_digits(text):
    runs = digit_runs(text)
    assert all(left.end_char <= right.start_char for left, right in pairwise(runs))
    for run in runs:
        shown = text[run.start_char : run.end_char]
        assert shown == shown.strip(" ,.-()\n")
        assert len(run.digits) >= 7
