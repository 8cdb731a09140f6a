"""What the model said of a window, whether it is believed, and its words as the transcripts have them.

The hypotheses have the fields of josefine_whisper's, which cannot be imported here: it brings torch.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final, NamedTuple

from josefine_wire.positions import samples
from josefine_wire.records import Word

WORD_SYMBOLS: Final = frozenset("%&@#")
"""Punctuation by Unicode, but part of the word."""


class WordHypothesis(NamedTuple):
    """A word, with its times in seconds from the start of the window."""

    text: str
    start_s: float
    end_s: float
    confidence: float


class Hypothesis(NamedTuple):
    """The model's answer for one window."""

    text: str
    words: tuple[WordHypothesis, ...]
    average_logprob: float
    no_speech_probability: float
    compression_ratio: float
    decode_steps: int
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Acceptance:
    """When a hypothesis is taken for speech. Defaults are Whisper's own (openai/whisper, transcribe.py)."""

    no_speech_probability: float = 0.6
    """Above it, with an unsure text, there was no speech."""
    unsure_logprob: float = -1.0
    """Mean log-probability of a token below which a text is unsure."""
    hopeless_logprob: float = -1.8
    """Mean log-probability below which a text is noise whatever else holds."""
    compression_ratio: float = 2.8
    """Text that compresses better than this is a loop."""

    def accepts(self, hypothesis: Hypothesis) -> bool:
        """Returns whether the hypothesis has text that is believed."""
        silent = (
            hypothesis.no_speech_probability > self.no_speech_probability
            and hypothesis.average_logprob < self.unsure_logprob
        )
        return (
            bool(hypothesis.text.strip())
            and not silent
            and hypothesis.average_logprob >= self.hopeless_logprob
            and hypothesis.compression_ratio <= self.compression_ratio
        )


def bare_word(text: str) -> str:
    """Returns the word in lower case without the punctuation around it; empty for punctuation alone."""
    start, end = 0, len(text)
    while start < end and _is_mark(text[start]):
        start += 1
    while end > start and _is_mark(text[end - 1]):
        end -= 1
    return text[start:end].lower()


def _is_mark(char: str) -> bool:
    return char.isspace() or (unicodedata.category(char)[0] == "P" and char not in WORD_SYMBOLS)


def timed_words(hypothesis: Hypothesis, start_sample: int, end_sample: int) -> list[Word]:
    """Returns the words with sample positions inside the segment, each beginning where the last ended or later."""
    words: list[Word] = []
    at = start_sample
    for heard in hypothesis.words:
        bare = bare_word(heard.text)
        if not bare:
            continue
        start = min(max(start_sample + samples(heard.start_s), at), end_sample)
        at = min(max(start_sample + samples(heard.end_s), start), end_sample)
        words.append(_word(bare, heard, start, at))
    return words


def untimed_words(hypothesis: Hypothesis, start_sample: int, end_sample: int) -> list[Word]:
    """Returns the words of an interim: their times are the segment's."""
    pairs = ((bare_word(heard.text), heard) for heard in hypothesis.words)
    return [_word(bare, heard, start_sample, end_sample) for bare, heard in pairs if bare]


def _word(bare: str, heard: WordHypothesis, start_sample: int, end_sample: int) -> Word:
    return Word(
        word=bare,
        punctuated_word=heard.text.strip(),
        start_sample=start_sample,
        end_sample=end_sample,
        confidence=min(max(heard.confidence, 0.0), 1.0),
    )
