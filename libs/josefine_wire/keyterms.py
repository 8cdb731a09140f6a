"""Words that a session is likely to hold, as its metadata carries them: `{"keyterms": "Josefine,Tansu"}`."""

from collections.abc import Iterable, Mapping
from typing import Final

NAME: Final = "keyterms"
SEPARATOR: Final = ","
MOST_BYTES: Final = 220
"""Of all terms together in UTF-8, separators included. They are more tokens than Whisper's decoder takes before a
transcript only where most letters are rare; then the last terms are left out.
"""


def packed(terms: Iterable[str]) -> dict[str, str]:
    """Returns what goes into `config.metadata`: nothing where there is no term.

    Raises:
        ValueError: a term is empty, holds a comma or what cannot be printed, or they are too long together.
    """
    found = [" ".join(term.split()) for term in terms]
    for term in found:
        if not term or SEPARATOR in term or not term.isprintable():
            raise ValueError(f"{term[:40]!r} is no term: give words, without a comma")
    text = SEPARATOR.join(found)
    if (size := len(text.encode())) > MOST_BYTES:
        raise ValueError(f"{size} bytes together, at most {MOST_BYTES} are heard")
    return {NAME: text} if text else {}


def unpacked(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the terms of a session, the first of them where they are too long together."""
    terms, room = [], MOST_BYTES + len(SEPARATOR)
    for term in filter(None, (term.strip() for term in metadata.get(NAME, "").split(SEPARATOR))):
        room -= len(term.encode()) + len(SEPARATOR)
        if room < 0:
            break
        terms.append(term)
    return tuple(terms)
