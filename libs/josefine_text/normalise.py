"""Whisper's English text normaliser: what two transcripts have to agree on before their words are compared.

Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", appendix C; the
rules and the table of spellings are OpenAI's own, as the package whisper-normalizer carries them.
"""

from functools import cache
from typing import Final

from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

# Rules that the package added to OpenAI's. Without them scores compare with published ones, and
# "the cause" stays a cause.
_NOT_WHISPERS: Final = (r"\bkinda\b", r"\bsorta\b", r"\bdunno\b", r"\bcause\b")


def normalise(text: str) -> str:
    """Returns English `text` in lower case, without punctuation, fillers and bracketed remarks, with numbers
    as digits, contractions written out, British spellings made American; one space between words.
    """
    return str(_whisper()(text)).strip()


def words(text: str) -> list[str]:
    """Returns the words of `text` after normalisation.

    What Whisper's rules leave of "..." is a lone dot: that is not a word.
    """
    return [word for word in normalise(text).split() if any(map(str.isalnum, word))]


@cache
def _whisper() -> EnglishTextNormalizer:
    normaliser = EnglishTextNormalizer()
    for rule in _NOT_WHISPERS:
        normaliser.replacers.pop(rule, None)
    return normaliser
