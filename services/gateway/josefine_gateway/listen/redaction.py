"""Values of `redact`: what each hides."""

from collections.abc import Collection, Iterable
from typing import Final

from josefine_gateway.listen.refused import OFF
from josefine_gateway.shape.wording import Redaction

_NUMBERED: Final = frozenset(
    {
        "CREDIT_CARD",
        "PHONE_NUMBER",
        "US_SSN",
        "US_ITIN",
        "US_BANK_NUMBER",
        "US_PASSPORT",
        "US_DRIVER_LICENSE",
        "IBAN_CODE",
    }
)
_LONG_NUMBER: Final = 3
"""Digits: three are a card's security code."""
_GROUPS: Final = {
    # Expiry dates and security codes have no finder of their own: all numbers are hidden with the cards.
    "pci": Redaction(frozenset({"CREDIT_CARD", "US_BANK_NUMBER", "IBAN_CODE"}), _LONG_NUMBER),
    "numbers": Redaction(_NUMBERED, _LONG_NUMBER),
    "aggressive_numbers": Redaction(_NUMBERED, 1),
    "ssn": Redaction(frozenset({"US_SSN", "US_ITIN"})),
}
_EVERYTHING: Final = frozenset({"true", "pii", "1", "yes"})
_ALSO_CALLED: Final = {
    "NAME": "PERSON",
    "PHONE": "PHONE_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "BANK_ACCOUNT": "US_BANK_NUMBER",
    "PASSPORT_NUMBER": "US_PASSPORT",
    "DRIVER_LICENSE": "US_DRIVER_LICENSE",
    "DATE": "DATE_TIME",
}


def redaction(values: Iterable[str], found: Collection[str]) -> Redaction:
    """Returns what the values hide together. `found` are the kinds that the pipeline looks for.

    Raises:
        ValueError: a value that is not known, or asks for what the pipeline does not look for; one line.
    """
    kinds: set[str] = set()
    digits: list[int] = []
    for value in values:
        one = _one(value, found)
        kinds |= one.kinds
        digits += [] if one.least_digits is None else [one.least_digits]
    return Redaction(frozenset(kinds), min(digits, default=None))


def _one(value: str, found: Collection[str]) -> Redaction:
    word = value.lower()
    if word in OFF:
        return Redaction()
    if word in _EVERYTHING:
        if not found:
            raise ValueError("nothing is redacted on this server: it looks for no personal information")
        return Redaction(frozenset(found))
    asked = _GROUPS.get(word) or Redaction(frozenset({_kind(value, found)}))
    if missing := sorted(asked.kinds - set(found)):
        raise ValueError(f"{value!r} needs {', '.join(missing)}, for which this server does not look")
    return asked


def _kind(value: str, found: Collection[str]) -> str:
    kind = _ALSO_CALLED.get(value.upper(), value.upper())
    if kind not in found:
        known = ["true", "pii", *_GROUPS, *(kind.lower() for kind in sorted(found))]
        raise ValueError(f"{value[:40]!r} is not known; there is {', '.join(known)}")
    return kind
