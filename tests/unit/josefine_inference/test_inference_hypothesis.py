import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_inference.agreement import Agreement
from josefine_inference.hypothesis import Acceptance, Hypothesis, WordHypothesis, bare_word, timed_words, untimed_words

times = st.floats(-5, 40, allow_nan=False)
spoken = st.lists(
    st.builds(WordHypothesis, st.sampled_from(["Yes,", "no.", "--", "50%", '"Well']), times, times, st.floats(0, 1)),
    max_size=12,
)


@given(spoken, st.integers(0, 10**6), st.integers(1, 30 * 16_000))
def test_word_positions_are_monotone_and_inside(kit, heard, start, length):
    words = timed_words(Hypothesis("", tuple(heard), 0.0, 0.0, 1.0, 1), start, start + length)
    at = start
    for word in words:
        assert at <= word["start_sample"] <= word["end_sample"] <= start + length
        at = word["end_sample"]
        assert word["word"]


def test_words_are_bare_and_written(kit):
    words = timed_words(kit.hypothesis('"Don\'t pay 50%," -- she said.'), 0, 16_000)
    assert [word["word"] for word in words] == ["don't", "pay", "50%", "she", "said"]
    assert words[2]["punctuated_word"] == '50%,"'


def test_interim_words_have_the_segments_times(kit):
    (word,) = untimed_words(kit.hypothesis("Hello."), 160, 320)
    assert (word["start_sample"], word["end_sample"]) == (160, 320)


@pytest.mark.parametrize(
    ("facts", "accepted"),
    [
        ({}, True),
        ({"no_speech_probability": 0.9}, True),
        ({"no_speech_probability": 0.9, "average_logprob": -1.1}, False),
        ({"average_logprob": -2.5}, False),
        ({"compression_ratio": 5.0}, False),
    ],
)
def test_text_is_believed_or_not(kit, facts, accepted):
    assert Acceptance().accepts(kit.hypothesis("some words", **facts)) is accepted


def test_no_text_is_nothing_to_believe(kit):
    assert not Acceptance().accepts(kit.hypothesis(" "))


@given(st.text(max_size=12))
def test_bare_words_stay_bare(text):
    assert bare_word(bare_word(text)) == bare_word(text)


def test_two_hypotheses_agree_on_all_but_the_last_word():
    agreement = Agreement()
    agreement.hear(["The", "cat"])
    assert agreement.agreed == ()
    agreement.hear(["The", "cat,", "sat"])
    assert agreement.agreed == ("The", "cat,")
    agreement.hear(["The", "cat,", "sat"])
    assert agreement.agreed == ("The", "cat,")


def test_what_is_taken_back_is_not_agreed():
    agreement = Agreement()
    for words in (["a", "b", "c"], ["a", "b", "c", "d"], ["a", "x", "c", "d"]):
        agreement.hear(words)
    assert agreement.agreed == ("a",)
