"""A word on its way from the record to the message: what is written, when it was heard, whence it came."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from josefine_wire.positions import seconds
from josefine_wire.records import Transcript

_MARKED: Final = re.compile(r"(?P<lead>[^\w$£€]*)(?P<core>.*?)(?P<trail>[^\w%]*)", re.DOTALL)
_DECIMALS: Final = 4
"""0.1 ms: a sample at 16 kHz is 62.5 us, what is finer is noise of the float."""


@dataclass(frozen=True, slots=True)
class Written:
    """A word. Edits give new ones; times and confidence stay those of the sound."""

    bare: str
    """Lower case, without punctuation."""
    text: str
    """With case and punctuation."""
    start_sample: int
    end_sample: int
    confidence: float
    start_char: int
    """Place in the record's text, by which understanding refers to it."""
    end_char: int
    masked: bool = False
    """Stands for something hidden: no edit touches it any more."""


def written_words(record: Transcript) -> list[Written]:
    """Returns the words of a transcript in order, each with its characters in the record's text."""
    found: list[Written] = []
    cursor = 0
    text = record["text"]
    for word in record["words"]:
        at = text.find(word["punctuated_word"], cursor)
        start, cursor = (cursor, cursor) if at < 0 else (at, at + len(word["punctuated_word"]))
        times = (word["start_sample"], word["end_sample"], word["confidence"])
        found.append(Written(word["word"].lower(), word["punctuated_word"], *times, start, cursor))
    return found


def merged(words: Sequence[Written], bare: str, text: str, *, masked: bool = False) -> Written:
    """Returns one word in the place of neighbours: the first's begin, the last's end, the mean confidence."""
    first, last = words[0], words[-1]
    return replace(
        first,
        bare=bare,
        text=text,
        end_sample=last.end_sample,
        end_char=last.end_char,
        confidence=mean_confidence(words),
        masked=masked,
    )


def marks(text: str) -> tuple[str, str]:
    """Returns the punctuation before and behind a word."""
    match = _MARKED.fullmatch(text)
    return (match["lead"], match["trail"]) if match and match["core"] else ("", "")


def mean_confidence(words: Sequence[Written]) -> float:
    """Returns the mean of the words' confidences, 0 of none."""
    return sum(word.confidence for word in words) / len(words) if words else 0.0


def share(confidence: float) -> float:
    """Returns a confidence as messages have it, 0 to 1."""
    return round(min(max(confidence, 0.0), 1.0), _DECIMALS)


def at_seconds(position_samples: int) -> float:
    """Returns a position as messages have it, in seconds."""
    return round(seconds(position_samples), _DECIMALS)


def length_seconds(start_sample: int, end_sample: int) -> float:
    """Returns a duration such that start + duration is where the next stretch begins, as both are rounded."""
    return round(max(at_seconds(end_sample) - at_seconds(start_sample), 0.0), _DECIMALS)
