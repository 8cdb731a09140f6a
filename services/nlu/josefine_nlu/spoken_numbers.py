"""Numbers as people say them and Whisper writes them: runs of digits with spaces, commas, dashes, digit words.

"4111 1111 1111 1111", "5 5 5, 1 2 3, 4 5 6 7", "one two three, forty five" - the first two are runs here; numbers
above nine in words are not, for Whisper writes them as digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_DIGIT_WORDS: Final = {
    "zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_REPEATS: Final = {"double": 2, "triple": 3}

# A quantity (1,000,000 or $25 or 3rd or 20%) is one token that ends a run; \d is what Unicode calls a digit,
# 0-9 is meant.
_TOKEN: Final = re.compile(
    r"(?P<quantity>(?<![\w$£€])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])|[$£€]\s?[0-9][0-9.,]*)"
    r"|(?<!\w)(?P<digits>[0-9]+)(?![\w%])"
    rf"|\b(?:(?P<repeat>double|triple)\s+)?(?P<word>{'|'.join(_DIGIT_WORDS)})\b",
    re.IGNORECASE,
)
# What may stand between the parts of one number: "555-123", "(212) 555", "1 2 3, 4 5", "555. 1234".
_GAP: Final = re.compile(r"[\s,.\-\u2010-\u2014()/]{0,3}")


@dataclass(frozen=True, slots=True)
class DigitRun:
    """Digits that were said in one go."""

    start_char: int
    end_char: int
    groups: tuple[str, ...]
    """The digits as they were grouped in writing."""

    @property
    def digits(self) -> str:
        """All digits."""
        return "".join(self.groups)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the groups."""
        return tuple(map(len, self.groups))


def digit_runs(text: str, at_least: int = 7) -> list[DigitRun]:
    """Returns the runs of `at_least` digits or more, in the order of the text, disjoint."""
    return [run for run in _all_runs(text) if len(run.digits) >= at_least]


def passes_luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    plain = [int(digit) for digit in digits[-1::-2]]
    return (sum(plain) + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0


def _all_runs(text: str) -> Iterator[DigitRun]:
    run: DigitRun | None = None
    for match in _TOKEN.finditer(text):
        if run is not None and not _GAP.fullmatch(text, run.end_char, match.start()):
            yield run
            run = None
        group = _digits(match)
        if group:
            start, groups = (run.start_char, run.groups) if run else (match.start(), ())
            run = DigitRun(start, match.end(), (*groups, group))
        elif run is not None:
            yield run
            run = None
    if run is not None:
        yield run


def _digits(match: re.Match[str]) -> str:
    """Returns the digits of a token, nothing for a quantity."""
    if match["word"]:
        return _DIGIT_WORDS[match["word"].lower()] * _REPEATS.get((match["repeat"] or "").lower(), 1)
    return match["digits"] or ""
