"""Masks profane words.

The list is short on purpose: words that are hardly ever anything else. No package that lists them is kept well
enough to depend on.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from josefine_gateway.shape.written import Written

_STEMS: Final = (
    "fuck", "motherfuck", "clusterfuck", "shit", "bullshit", "horseshit", "dipshit", "bitch", "cunt", "asshole",
    "arsehole", "dickhead", "cocksuck", "piss", "wank", "twat", "whore", "slut", "bollock", "jackass", "dumbass",
    "goddamn", "faggot", "nigger", "nigga",
)  # fmt: skip
_ENDINGS: Final = "s|es|ed|er|ers|in|ing|ings|y|ty|ier|iest|ted|ting|ter|head|heads|face|faces|up|off"
_PROFANE: Final = re.compile(rf"(?:{'|'.join(_STEMS)})(?:{_ENDINGS})?(?:['\u2019]s)?")


def without_profanity(words: Sequence[Written]) -> list[Written]:
    """Returns the words with the inner letters of profane ones as asterisks: "s**t"."""
    return [_masked(word) if not word.masked and _PROFANE.fullmatch(word.bare) else word for word in words]


def _masked(word: Written) -> Written:
    return replace(word, bare=_starred(word.bare), text=_starred(word.text))


def _starred(text: str) -> str:
    letters = [at for at, letter in enumerate(text) if letter.isalpha()]
    inner = frozenset(letters[1:-1])
    return "".join("*" if at in inner else letter for at, letter in enumerate(text))
