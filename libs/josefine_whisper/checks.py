"""Signs of a decode that went wrong: loops, runaway length."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

COMPRESSION_RATIO_LIMIT: Final = 2.4
"""openai/whisper's threshold (transcribe.py)."""

LOOP_COPIES: Final = 4
LOOP_TOKENS: Final = 12
"""A loop is at least so many copies and tokens: people do say 'no no no no no'."""
LOOP_PERIOD_LIMIT: Final = 32


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of a finished decode."""

    average_logprob: float
    no_speech_probability: float
    compression_ratio: float
    runaway: bool
    """It was stopped: by a loop, or by the limit of tokens for its length."""

    @property
    def doubtful(self) -> bool:
        """Whether the text repeats itself or had to be stopped, so that another decode may well be better.

        openai/whisper also doubts text that is improbable; what is decoded instead is as often wrong (ADR 15).
        """
        return self.runaway or self.compression_ratio > COMPRESSION_RATIO_LIMIT


def loop_period(tokens: Sequence[int]) -> int | None:
    """Returns the length of the phrase that the tokens end on in at least four copies, or None."""
    for period in range(1, min(LOOP_PERIOD_LIMIT, len(tokens) // LOOP_COPIES) + 1):
        span = max(LOOP_COPIES * period, LOOP_TOKENS)
        tail = tokens[-span:]
        if len(tail) == span and all(tail[i] == tail[i - period] for i in range(period, span)):
            return period
    return None


def without_loop(tokens: Sequence[int]) -> int:
    """Returns how many tokens to keep so that a loop at the end is said once; all when there is none."""
    period = loop_period(tokens)
    if period is None:
        return len(tokens)
    keep = len(tokens)
    while keep > period and tokens[keep - 1] == tokens[keep - 1 - period]:
        keep -= 1
    return keep


def compression_ratio(text: str) -> float:
    """Returns UTF-8 bytes over deflated bytes, 0.0 for no text; loops compress too well."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0
