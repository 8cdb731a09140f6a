"""E-mail addresses as they are said: "john dot smith at example dot com", "j.smith at gmail.com"."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_DOT: Final = r"(?:\s*\.\s?|\s+dot\s+)"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,62})"
_DOMAIN: Final = re.compile(rf"(?:\s+at\s+|\s*@\s*)(?P<domain>{_LABEL}(?:{_DOT}{_LABEL}){{1,5}})", re.IGNORECASE)
# Read backwards from "at": one word, more of them joined by said punctuation, or letters spelled one by one.
_JOINT: Final = r"(?:\s*[._+-]\s?|\s+(?:dot|period|underscore|dash|hyphen|minus|plus)\s+)"
_LOCAL: Final = re.compile(
    rf"(?:(?<!\w)[a-z0-9](?:[\s,-]{{1,2}}[a-z0-9]){{1,30}}|[\w+-]{{1,64}}(?:{_JOINT}[\w+-]{{1,64}}){{0,6}})$",
    re.IGNORECASE,
)
_LONGEST_LOCAL: Final = 160
"""64 characters are allowed (RFC 5321, 4.5.3.1.1); said, each may take a word."""
_MAIL_PROVIDERS: Final = frozenset(
    {"gmail", "googlemail", "yahoo", "hotmail", "outlook", "icloud", "aol", "proton", "protonmail", "gmx", "msn"}
)


@dataclass(frozen=True, slots=True)
class SpokenEmail:
    """Where an address stands, and how sure its form makes us."""

    start_char: int
    end_char: int
    certain: bool
    """The local part has joints, or the domain is a mail provider's: not just "look at example.com"."""


def spoken_emails(text: str, is_domain: Callable[[str], bool]) -> Iterator[SpokenEmail]:
    """Yields addresses in the order of the text; `is_domain` judges a dotted name by its public suffix."""
    for match in _DOMAIN.finditer(text):
        before = max(0, match.start() - _LONGEST_LOCAL)
        local = _LOCAL.search(text[before : match.start()])
        domain_end = _registered(match, is_domain)
        if local is None or domain_end is None:
            continue
        labels = re.split(_DOT, text[match.start("domain") : domain_end].lower())
        joined = re.search(rf"\d|{_JOINT}|^\w[\s,-]", local.group(), re.IGNORECASE) is not None
        certain = joined or "@" in match.group() or labels[0] in _MAIL_PROVIDERS
        yield SpokenEmail(before + local.start(), domain_end, certain)


def _registered(match: re.Match[str], is_domain: Callable[[str], bool]) -> int | None:
    """Returns the end of the longest leading part that is a domain: "gmail dot com. Thanks" ends at "com"."""
    ends = [found.start() for found in re.finditer(_DOT, match["domain"], re.IGNORECASE)][1:]
    for end in [len(match["domain"]), *reversed(ends)]:
        if is_domain(re.sub(_DOT, ".", match["domain"][:end], flags=re.IGNORECASE).lower()):
            return match.start("domain") + end
    return None
