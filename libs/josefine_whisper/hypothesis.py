"""What is asked of the engine and what it answers: plain values, no torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One window of speech to be recognised."""

    log_mel: NDArray[np.float16]
    """[hops, mels], log10 of the mel power floored at -10, before the window is normalised; at most 3000 hops
    of 10 ms."""
    prefix: tuple[str, ...] = ()
    """Words already agreed on, forced as the beginning of the text."""
    word_times: bool = False
    """Whether the words get times; costs a few milliseconds per second of audio."""
    keyterms: tuple[str, ...] = ()
    """Words that are likely to be said; those that do not fit before a transcript are left out."""
    fallback: bool = False
    """Whether a doubtful result may be decoded again: with more silence behind it, then with temperature."""


@dataclass(frozen=True, slots=True)
class WordHypothesis:
    """A word with its punctuation, without a leading space."""

    text: str
    start_s: float
    """From the start of the window; 0.0 when word times were not asked for."""
    end_s: float
    confidence: float
    """exp of the mean log-probability of the word's tokens, 0 to 1. Forced words are scored with `word_times`
    only and count as 1.0 otherwise."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The text of one window."""

    text: str
    words: tuple[WordHypothesis, ...]
    average_logprob: float
    """Mean log-probability of the decoded tokens with the end token; natural logarithm."""
    no_speech_probability: float
    """Whisper's own estimate that the window holds no speech."""
    compression_ratio: float
    """UTF-8 bytes of the text over its deflated bytes; above 2.4 the text most likely loops."""
    decode_steps: int
    """Decoder passes spent on this window in this call, repeats included."""
    doubtful: bool = False
    """Whether it loops or had to be stopped, so that another decode may well be better; with `fallback`, whether it
    still is."""


SILENCE = Hypothesis(
    text="",
    words=(),
    average_logprob=0.0,
    no_speech_probability=1.0,
    compression_ratio=0.0,
    decode_steps=0,
)
"""The answer for a window without a single hop."""
