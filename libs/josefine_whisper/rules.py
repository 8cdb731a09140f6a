"""What may be decoded next, and when to stop: one class a rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import torch
from torch import Tensor

from josefine_whisper.checks import loop_period
from josefine_whisper.weights.checkpoint import Checkpoint

TOKENS_PER_SECOND_LIMIT: Final = 9.0
TOKENS_AT_LEAST: Final = 12
"""English speech has 3 to 4 tokens a second, digits read fast about 7; past that a decode runs away."""
TOKENS_LIMIT: Final = 224
"""openai/whisper's: half of the decoder's 448 positions."""
LOOP_CHECK_EVERY: Final = 4


class Stop(Enum):
    """Why a sequence ended."""

    END_OF_TEXT = "end of text"
    LOOP = "loop"
    BUDGET = "budget"


class LogitRule(Protocol):
    """Changes the logits before a token is chosen."""

    def apply(self, logits: Tensor, free: Tensor) -> None:
        """Changes logits [B, vocabulary] in place.

        Args:
            logits: float32.
            free: bool [B], rows that are at the very first token of their text.
        """


class SuppressAlways:
    """Non-speech symbols and control tokens are never decoded; the end of text may be."""

    def __init__(self, checkpoint: Checkpoint, end_of_text: int) -> None:
        self._mask = torch.zeros(checkpoint.dimensions.vocabulary)
        self._mask[list(checkpoint.suppressed)] = -torch.inf
        # Languages, tasks and timestamps lie behind the end of text; we ask for none of them.
        self._mask[end_of_text + 1 :] = -torch.inf

    def apply(self, logits: Tensor, free: Tensor) -> None:  # noqa: ARG002 - the rules' interface
        self._mask = self._mask.to(logits.device)
        logits += self._mask


class SuppressFirst:
    """A text does not begin with a lone space or end before it began (openai/whisper's SuppressBlank)."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._tokens = list(checkpoint.suppressed_first)

    def apply(self, logits: Tensor, free: Tensor) -> None:
        if bool(free.any()):
            rows = free.nonzero()
            logits[rows, torch.tensor(self._tokens, device=logits.device)] = -torch.inf


class StopRule(Protocol):
    """Ends a sequence after a token."""

    def check(self, tokens: Sequence[int]) -> Stop | None:
        """Returns why the sequence ends with its newest token, or None. The end of text is a token here."""


@dataclass(frozen=True, slots=True)
class StopAtEnd:
    """The model says that the text is over."""

    end_of_text: int

    def check(self, tokens: Sequence[int]) -> Stop | None:
        return Stop.END_OF_TEXT if tokens[-1] == self.end_of_text else None


@dataclass(frozen=True, slots=True)
class StopAtBudget:
    """More tokens than anybody says in that time."""

    budget: int

    def check(self, tokens: Sequence[int]) -> Stop | None:
        return Stop.BUDGET if len(tokens) >= self.budget else None


class StopAtLoop:
    """The same phrase again and again."""

    def check(self, tokens: Sequence[int]) -> Stop | None:
        if len(tokens) % LOOP_CHECK_EVERY:
            return None
        return Stop.LOOP if loop_period(tokens) is not None else None


def token_budget(duration_s: float, language: str) -> int:
    """Returns how many tokens a window of that length may have.

    The rate was measured for English. Scripts that are rare in the vocabulary take up to 36 tokens a second (Georgian,
    Malayalam, Thai): a text that runs away is stopped by its loop alone there.
    """
    if language != "en":
        return TOKENS_LIMIT
    return min(TOKENS_LIMIT, TOKENS_AT_LEAST + round(TOKENS_PER_SECOND_LIMIT * duration_s))
