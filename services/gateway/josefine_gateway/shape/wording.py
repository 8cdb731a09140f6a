"""How a transcript is to be written: what the options ask, resolved into plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is to be hidden. Nothing by default."""

    kinds: frozenset[str] = frozenset()
    """Presidio's names, as the understanding records have them."""
    least_digits: int | None = None
    """Numbers of so many digits or more are hidden, spoken or written; None: numbers stay."""

    def __bool__(self) -> bool:
        return bool(self.kinds) or self.least_digits is not None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A phrase and what is written instead of it."""

    find: tuple[str, ...]
    """Bare words in lower case, at least one."""
    write: tuple[str, ...]
    """None: the phrase is left out."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The edits of a text. Each stands for an option of the protocol."""

    punctuated: bool = False
    redaction: Redaction = Redaction()
    numerals: bool = False
    profanity_filter: bool = False
    replacements: tuple[Replacement, ...] = ()
    entities: bool = False
    searches: tuple[tuple[str, ...], ...] = ()
    """Phrases of bare words in lower case."""
