from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_whisper.words import TokenSpan, confidence, split_words, timed, untimed


def split(tokenizer, text, language="en"):
    return split_words(tokenizer, tokenizer._tokenizer.encode(text, add_special_tokens=False).ids, language)


@given(st.lists(st.sampled_from(["Yes,", "it's", "a", "forty-two", "naïve", "50%", "end."]), max_size=8))
def test_words_are_the_text_between_spaces(tokenizer, words):
    text = " " + " ".join(words)
    assert " ".join(span.text for span in split(tokenizer, text)) == text.strip()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_every_token_belongs_to_at_most_one_word_in_order(tokenizer, text):
    spans = split(tokenizer, text)
    assert all(first.end <= second.start for first, second in pairwise(spans))
    assert all(span.text and span.start < span.end for span in spans)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" well - no", ["well", "-no"]),
        (' he said " yes', ["he", "said", '"yes']),
        (" so ... then", ["so...", "then"]),
        (" ...", ["..."]),
        ("", []),
    ],
)
def test_lone_marks_join_a_neighbour(tokenizer, text, words):
    assert [span.text for span in split(tokenizer, text)] == words


def test_languages_without_spaces_are_split_at_characters(tokenizer):
    assert [span.text for span in split(tokenizer, "日本 語", "ja")] == ["日", "本", "語"]


def test_half_a_character_is_not_lost(tokenizer):
    tokens = tokenizer._tokenizer.encode(" é", add_special_tokens=False).ids[:-1]
    assert len(split_words(tokenizer, tokens, "en")) == 1


def test_confidence_is_the_geometric_mean():
    assert confidence([0.0, 0.0]) == 1.0
    assert confidence([np.log(0.25), np.log(1.0)]) == pytest.approx(0.5)


def test_words_without_times():
    (word,) = untimed([TokenSpan("yes", 0, 2)], [0.0, 0.0])
    assert (word.text, word.start_s, word.end_s, word.confidence) == ("yes", 0.0, 0.0, 1.0)


@st.composite
def alignments(draw):
    """Words of one or two tokens, any attention, a window that may be shorter than its words."""
    lengths = draw(st.lists(st.integers(1, 2), min_size=1, max_size=12))
    bounds = np.cumsum([0, *lengths])
    spans = [TokenSpan("w", int(a), int(b)) for a, b in pairwise(bounds)]
    hops = draw(st.integers(1, 80))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    stopped = draw(st.booleans())
    attention = generator.normal(size=(bounds[-1] + (not stopped), -(-hops // 2))).astype(np.float32)
    log_mel = np.where(generator.random((hops, 1)) < 0.5, -9.0, 1.0).astype(np.float16)
    return spans, attention, log_mel


@given(alignments())
def test_times_are_monotone_inside_the_window_and_never_empty(alignment):
    spans, attention, log_mel = alignment
    words = timed(spans, [0.0] * spans[-1].end, attention, log_mel)
    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    assert len(words) == len(spans)
    assert all(word.end_s > word.start_s for word in words)
    assert all(second >= first - 1e-9 for first, second in pairwise(edges))
    assert edges[0] >= -1e-9
    assert edges[-1] <= len(log_mel) / 100 + 1e-9


def test_a_word_does_not_leak_into_silence_before_and_behind_it():
    log_mel = np.full((200, 4), -7.0, dtype=np.float16)
    log_mel[80:120] = 1.0
    attention = np.zeros((2, 100), dtype=np.float32)
    attention[0, :99] = 1.0
    attention[1, 99] = 1.0
    (word,) = timed([TokenSpan("yes", 0, 1)], [0.0], attention, log_mel)
    assert word.start_s == pytest.approx(0.80, abs=0.05)
    assert word.end_s == pytest.approx(1.20, abs=0.05)
