import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_whisper.checks import Quality, compression_ratio, loop_period, without_loop

phrases = st.lists(st.integers(0, 50), min_size=1, max_size=8)


@given(st.lists(st.integers(100, 200), max_size=10), phrases)
def test_finds_a_phrase_said_again_and_again(start, phrase):
    assert loop_period(start + phrase * 12) is not None


@given(st.lists(st.integers(100, 200), max_size=10), st.lists(st.integers(0, 50), min_size=3, max_size=8, unique=True))
def test_keeps_what_was_said_before_the_loop_and_the_phrase_once(start, phrase):
    tokens = start + phrase * 5
    assert tokens[: without_loop(tokens)] == start + phrase


@given(st.lists(st.integers(), max_size=60, unique=True))
def test_sees_no_loop_in_tokens_that_differ(tokens):
    assert loop_period(tokens) is None
    assert without_loop(tokens) == len(tokens)


@pytest.mark.parametrize(
    "tokens", [[7] * 5, [1, 2] * 4, [1, 2, 3, 4] * 3, [1, 2, 3, 4] * 4 + [5]], ids=["nos", "ha ha", "thrice", "over"]
)
def test_lets_people_repeat_themselves(tokens):
    assert loop_period(tokens) is None


def test_compression_tells_a_loop_from_speech():
    assert compression_ratio("I am here. " * 30) > 2.4
    assert compression_ratio("Ask not what your country can do for you.") < 2.4
    assert compression_ratio("") == 0.0


def quality(logprob=-0.3, ratio=1.2, runaway=False):
    return Quality(logprob, 0.1, ratio, runaway)


@pytest.mark.parametrize(
    ("given_quality", "doubtful"),
    [
        (quality(), False),
        (quality(runaway=True), True),
        (quality(ratio=2.5), True),
        (quality(logprob=-1.1), False),
    ],
    ids=["good", "runaway", "repetitive", "improbable"],
)
def test_doubts(given_quality, doubtful):
    assert given_quality.doubtful is doubtful
