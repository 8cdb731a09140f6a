import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_text.normalise import words
from josefine_text.wer import WordErrors, aligned_errors, pooled

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("the cat sat", "the cat sat", WordErrors(3, 0, 0, 0)),
        ("the cat sat", "the bat sat", WordErrors(3, 1, 0, 0)),
        ("the cat sat", "the sat", WordErrors(3, 0, 1, 0)),
        ("the cat sat", "the cat sat down there", WordErrors(3, 0, 0, 2)),
        ("The colour: 25!", "the color twenty five", WordErrors(3, 0, 0, 0)),
        ("", "thank you", WordErrors(0, 0, 0, 2)),
        ("", "[music]", WordErrors(0, 0, 0, 0)),
        ("hello", "", WordErrors(1, 0, 1, 0)),
    ],
)
def test_counts(reference, hypothesis, expected):
    assert aligned_errors(words(reference), words(hypothesis)) == expected


def test_pools_over_words_not_clips():
    long_clip = WordErrors(reference_words=90, substitutions=0)
    short_clip = WordErrors(reference_words=10, substitutions=5, deletions=3, insertions=2)
    assert pooled([long_clip, short_clip]).rate == pytest.approx(0.10)


def test_rate_without_reference_counts_insertions():
    assert aligned_errors([], ["thank", "you"]).rate == 2.0
    assert pooled([]).rate == 0.0


@given(WORDS, WORDS)
def test_counts_balance(reference, hypothesis):
    errors = aligned_errors(reference, hypothesis)
    assert len(hypothesis) == len(reference) - errors.deletions + errors.insertions
    assert errors.errors <= max(len(reference), len(hypothesis))
    assert (errors.errors == 0) == (reference == hypothesis)
