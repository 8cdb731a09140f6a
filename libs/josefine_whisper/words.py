"""Tokens to words, and words to times."""

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_whisper.alignment import token_times
from josefine_whisper.hypothesis import WordHypothesis
from josefine_whisper.tokenizer import UNSPACED_LANGUAGES, WhisperTokenizer
from josefine_whisper.window import HOPS_PER_SECOND

_OPENING: Final = frozenset("\"'“¿([{-")
"""Marks that belong to the word behind them (openai/whisper, timing.py)."""
_MARKS: Final = frozenset(string.punctuation + "“”‘’¿¡…–—。，！？：、")  # noqa: RUF001 - the fullwidth marks are meant
_HALF_CHARACTER: Final = "\ufffd"

SHORTEST_WORD_S: Final = 0.02
"""One encoder position: a word has a length."""
QUIET_BELOW_PEAK: Final = 3.0
"""A hop counts as silent when its loudest mel bin lies 30 dB below the window's (log10 of power)."""
KEPT_QUIET_HOPS: Final = 4
"""Silence left at a trimmed word: 40 ms, for soft onsets."""
TRIMMED_FROM_HOPS: Final = 10
"""Shorter silences at a word's edge are left: stops and soft consonants are silent that long."""


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A word's text and its tokens, as a range of the sequence."""

    text: str
    start: int
    end: int


def split_words(tokenizer: WhisperTokenizer, tokens: Sequence[int], language: str) -> list[TokenSpan]:
    """Returns the words of text tokens; " ".join of their texts is the text where words have spaces."""
    characters = _characters(tokenizer, tokens)
    if language in UNSPACED_LANGUAGES:
        return [TokenSpan(span.text.strip(), span.start, span.end) for span in characters if span.text.strip()]
    words: list[TokenSpan] = []
    for span in characters:
        if words and not span.text.startswith(" "):
            words[-1] = TokenSpan(words[-1].text + span.text, words[-1].start, span.end)
        else:
            words.append(span)
    return _attach_marks([TokenSpan(word.text.strip(), word.start, word.end) for word in words])


def _characters(tokenizer: WhisperTokenizer, tokens: Sequence[int]) -> list[TokenSpan]:
    """Returns the smallest runs of tokens that decode to whole characters."""
    spans: list[TokenSpan] = []
    start = 0
    for end in range(1, len(tokens) + 1):
        text = tokenizer.decode(tokens[start:end])
        if _HALF_CHARACTER not in text or end == len(tokens):
            spans.append(TokenSpan(text, start, end))
            start = end
    return spans


def _attach_marks(words: Sequence[TokenSpan]) -> list[TokenSpan]:
    """Returns words with lone punctuation joined to its neighbour, and without empty ones."""
    joined: list[TokenSpan] = []
    for word in words:
        previous = joined[-1] if joined else None
        if previous is not None and _belong_together(previous.text, word.text):
            joined[-1] = TokenSpan(previous.text + word.text, previous.start, word.end)
        else:
            joined.append(word)
    return [word for word in joined if word.text]


def _belong_together(before: str, after: str) -> bool:
    only_marks = all(character in _MARKS for character in after)
    return before in _OPENING or (only_marks and after not in _OPENING)


def confidence(logprobs: Sequence[float]) -> float:
    """Returns exp of the mean log-probability, 0 to 1."""
    return math.exp(sum(logprobs) / len(logprobs))


def untimed(spans: Sequence[TokenSpan], logprobs: Sequence[float]) -> tuple[WordHypothesis, ...]:
    """Returns words with confidences and without times."""
    return tuple(WordHypothesis(span.text, 0.0, 0.0, confidence(logprobs[span.start : span.end])) for span in spans)


def timed(
    spans: Sequence[TokenSpan],
    logprobs: Sequence[float],
    attention: NDArray[np.float32],
    log_mel: NDArray[np.float16],
) -> tuple[WordHypothesis, ...]:
    """Returns words with confidences and times: monotone, inside the window, none shorter than 20 ms.

    Args:
        spans: Words in the order of their tokens.
        logprobs: One a token.
        attention: float32 [tokens + 1, positions], the end of text in the last row; one row less when the decode
            was stopped.
        log_mel: [hops, mels], the window as it came.
    """
    # A decode that was stopped has no row for the end of text: its last word goes to the end of the window.
    starts = np.append(token_times(attention), len(log_mel) / HOPS_PER_SECOND)
    voiced = _voiced(log_mel)
    edges = [_without_silence(float(starts[span.start]), float(starts[span.end]), voiced) for span in spans]
    edges = _spread(edges, len(log_mel) / HOPS_PER_SECOND)
    return tuple(
        WordHypothesis(span.text, start, end, confidence(logprobs[span.start : span.end]))
        for span, (start, end) in zip(spans, edges, strict=True)
    )


def _voiced(log_mel: NDArray[np.float16]) -> NDArray[np.bool_]:
    """Returns bool [hops]: whether anything sounds, against the loudest of the window."""
    loudness = log_mel.max(axis=1).astype(np.float32)
    voiced: NDArray[np.bool_] = loudness > loudness.max(initial=-10.0) - QUIET_BELOW_PEAK
    return voiced


def _without_silence(start_s: float, end_s: float, voiced: NDArray[np.bool_]) -> tuple[float, float]:
    """Returns the edges of a word moved over long silence, into which attention likes to leak."""
    first, last = round(start_s * HOPS_PER_SECOND), round(end_s * HOPS_PER_SECOND)
    sounding = np.flatnonzero(voiced[first:last])
    if not len(sounding):
        return start_s, end_s
    lead, trail = int(sounding[0]), last - first - 1 - int(sounding[-1])
    if lead >= TRIMMED_FROM_HOPS:
        start_s += (lead - KEPT_QUIET_HOPS) / HOPS_PER_SECOND
    if trail >= TRIMMED_FROM_HOPS:
        end_s -= (trail - KEPT_QUIET_HOPS) / HOPS_PER_SECOND
    return start_s, end_s


def _spread(edges: Sequence[tuple[float, float]], duration_s: float) -> list[tuple[float, float]]:
    """Returns the edges made monotone, every word at least 20 ms long (less if the window has no room)."""
    shortest = min(SHORTEST_WORD_S, duration_s / max(1, len(edges)))
    spread: list[tuple[float, float]] = []
    earliest = 0.0
    for at, (start, end) in enumerate(edges):
        latest_end = duration_s - shortest * (len(edges) - at - 1)
        begin = min(max(start, earliest), latest_end - shortest)
        earliest = min(max(end, begin + shortest), latest_end)
        spread.append((begin, earliest))
    return spread
