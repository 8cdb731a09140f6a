"""Spoken numbers as digits, by the number rules of Whisper's English normaliser.

What the rules were made for is the comparison of two transcripts; a transcript that is read needs more care:
pronouns, seconds and pounds are left alone, and punctuation between two numbers keeps them apart.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Final

from whisper_normalizer.english import EnglishNumberNormalizer  # type: ignore[import-untyped]

from josefine_gateway.shape.written import Written, marks, merged

_JOINTS: Final = frozenset({"and", "point", "double", "triple", "minus", "o", "oh"})
"""Part of a number only when more of it follows."""
_LINKS: Final = _JOINTS - {"o", "oh"}
"""Joints that are no digits themselves."""
_STARTERS: Final = frozenset({"double", "triple", "minus"})
_UNITS: Final = frozenset({"percent", "dollar", "dollars", "euro", "euros"})
"""Units that only money and shares have: a pound may be a weight, a cent is written better as a word."""
_DIGITS: Final = re.compile(r"\d")
_Piece = tuple[int, int]


def with_digits(words: Sequence[Written]) -> list[Written]:
    """Returns the words with spoken numbers as digits; words that are one number become one.

    A lone "one" is a pronoun and stays, unless other numbers stand beside it; so do ordinals such as "second"
    unless a number precedes them ("twenty second").
    """
    pieces = _pieces(words)
    ends, starts = {end for _, end in pieces}, {start for start, _ in pieces}
    numbers = [piece for piece in pieces if not _lone_one(words, piece, ends, starts)]
    edited: list[Written] = []
    at = 0
    for start, end in numbers:
        edited += [*words[at:start], *_digits(words[start:end])]
        at = end
    return [*edited, *words[at:]]


def digit_runs(words: Sequence[Written], at_least: int) -> Iterator[tuple[int, int]]:
    """Yields [first, last) of the runs of neighbours that say `at_least` digits or more, spoken or written.

    Punctuation between them does not count: "555, 12 12" is one run. What the rules cannot read counts as long.
    """
    start: int | None = None
    for at in range(len(words) + 1):
        if at < len(words) and _numeric(words[at]):
            start = at if start is None else start
        elif start is not None:
            yield from _long_run(words, start, at, at_least)
            start = None


def _long_run(words: Sequence[Written], start: int, end: int, at_least: int) -> Iterator[tuple[int, int]]:
    while end > start and words[end - 1].bare in _LINKS:
        end -= 1
    while start < end and words[start].bare in _LINKS - _STARTERS:
        start += 1
    said = _read([token for word in words[start:end] for token in _tokens(word)])
    written = "".join(word.bare for word in with_digits(words[start:end]))
    if end > start and (said is None or max(map(_count, ("".join(said), written))) >= at_least):
        yield start, end


def _count(text: str) -> int:
    return len(_DIGITS.findall(text))


def _numeric(word: Written) -> bool:
    if word.masked:
        return False
    return bool(_DIGITS.search(word.text)) or all(token in _spoken() or token in _JOINTS for token in _tokens(word))


def _pieces(words: Sequence[Written]) -> list[_Piece]:
    """Returns the places of spoken numbers, disjoint and in order."""
    found: list[_Piece] = []
    at = 0
    while at < len(words):
        end = _reach(words, at)
        while end > at and words[end - 1].bare in _JOINTS:
            end -= 1
        if end > at:
            found.append((at, end))
        at = max(end, at + 1)
    return found


def _reach(words: Sequence[Written], start: int) -> int:
    """Returns the end of the number that begins at `start`; `start` if none does."""
    before: str | None = None
    at = start
    while at < len(words) and not words[at].masked:
        chain = [before, *_tokens(words[at])]
        if not all(_follows(left, right) for left, right in pairwise(chain) if right is not None):
            break
        before = chain[-1]
        at += 1
        if marks(words[at - 1].text)[1]:
            break
    return at


def _follows(before: str | None, token: str) -> bool:
    """Whether a number may begin with the token (before is None), or go on with it."""
    rules = _rules()
    cardinal = token in rules.ones or token in rules.tens or token in rules.zeros - _JOINTS
    if before is None or before in _STARTERS:
        return cardinal or (before is None and token in _STARTERS)
    if token in rules.ones_ordinal or token in rules.tens_ordinal:
        return before in rules.multipliers or (before in rules.tens and rules.ones_ordinal.get(token, (10,))[0] < 10)
    if token in rules.tens_plural:
        return before in rules.ones
    if before in _UNITS or before in rules.ones_ordinal or before in rules.tens_suffixed:
        return False
    return cardinal or token in rules.multipliers or token in _UNITS or token in _JOINTS - {"minus"}


def _lone_one(words: Sequence[Written], piece: _Piece, ends: set[int], starts: set[int]) -> bool:
    start, end = piece
    return end - start == 1 and words[start].bare == "one" and start not in ends and end not in starts


def _digits(words: Sequence[Written]) -> list[Written]:
    """Returns one word a number. Where the rules cannot read a run it stays as it is."""
    tokens = [_tokens(word) for word in words]
    left = _read([token for each in tokens for token in each])
    found: list[Written] = []
    at = 0
    while left and at < len(words):
        end = next((end for end in range(at + 1, len(words) + 1) if _splits(tokens, at, end, left)), None)
        if end is None:
            return list(words)
        found.append(_number(words[at:end], left[0]))
        left, at = left[1:], end
    return found if at == len(words) else list(words)


def _splits(tokens: Sequence[list[str]], start: int, end: int, expected: list[str]) -> bool:
    """Whether tokens [start, end) are the first of the expected numbers, and the rest are the others."""
    head = _read([token for each in tokens[start:end] for token in each])
    return head == expected[:1] and _read([token for each in tokens[end:] for token in each]) == expected[1:]


def _number(words: Sequence[Written], digits: str) -> Written:
    if len(words) == 1 and words[0].bare == digits:
        return words[0]
    return merged(words, digits, marks(words[0].text)[0] + digits + marks(words[-1].text)[1])


def _read(tokens: list[str]) -> list[str] | None:
    """Returns what the rules make of the tokens; None where they give up, which they do by raising."""
    try:
        return [str(word) for word in _rules().process_words(tokens)]
    except (AssertionError, TypeError, ValueError):
        return None


def _tokens(word: Written) -> list[str]:
    return [part for part in word.bare.split("-") if part] or [word.bare]


@cache
def _spoken() -> frozenset[str]:
    """Every word that says digits: where something is to be hidden, seconds and firsts count too."""
    rules = _rules()
    suffixed = (*rules.ones_suffixed, *rules.tens_suffixed, *rules.multipliers_suffixed)
    return frozenset({*rules.ones, *rules.tens, *rules.zeros, *rules.multipliers, *suffixed})


@cache
def _rules() -> EnglishNumberNormalizer:
    return EnglishNumberNormalizer()
