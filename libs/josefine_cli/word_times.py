"""How well word times agree with known borders of segments. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from rapidfuzz.distance import Levenshtein

from josefine_cli.manifest import ReferenceSegment
from josefine_text.segments import TimedWord

NUMBERS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""Spelt or in digits, a number is the same word here."""
_NOT_WORD: Final = re.compile(r"[^a-z0-9']+")
TOLERANCE_S: Final = 1e-3
"""Times are rounded to 0.1 ms."""


def border_errors_s(segments: Sequence[ReferenceSegment], words: Sequence[TimedWord]) -> list[float]:
    """Returns, for each segment whose first (last) word was recognised, how late its start (end) is, in seconds.

    The reference's words are aligned with the recognised ones over the whole recording; borders at which another
    word was heard say nothing about times and are left out.
    """
    said: list[str] = []
    places: list[tuple[ReferenceSegment, int, int]] = []
    for segment in segments:
        tokens = [token for word in segment.text.split() if (token := _token(word))]
        places.append((segment, len(said), len(said) + len(tokens)))
        said += tokens
    heard = [_token(word["word"]) for word in words]
    match_of = {
        opcode.src_start + step: opcode.dest_start + step
        for opcode in Levenshtein.opcodes(said, heard)
        if opcode.tag == "equal"
        for step in range(opcode.src_end - opcode.src_start)
    }
    errors: list[float] = []
    for segment, first, after in places:
        if first < after and first in match_of:
            errors.append(words[match_of[first]]["start"] - segment.start_s)
        if first < after and after - 1 in match_of:
            errors.append(words[match_of[after - 1]]["end"] - segment.end_s)
    return errors


def time_faults(words: Sequence[TimedWord], duration_s: float) -> int:
    """Returns how many words begin before the one before them, end before they begin, or leave the audio."""
    faults = 0
    before_s = 0.0
    for word in words:
        in_order = before_s - TOLERANCE_S <= word["start"] <= word["end"] <= duration_s + TOLERANCE_S
        faults += not in_order
        before_s = word["start"]
    return faults


def _token(word: str) -> str:
    plain = _NOT_WORD.sub("", word.lower().replace("\u2019", "'"))
    return str(NUMBERS.index(plain)) if plain in NUMBERS else plain
