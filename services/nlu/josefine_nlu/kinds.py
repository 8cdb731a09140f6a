"""The kinds of personal information that can be found. Names are Presidio's."""

from typing import Final

from josefine_wire.pii_kinds import DEFAULT_KINDS

# Wanted by some, but a transcript without its places and dates is hard to read.
OPTIONAL_KINDS: Final = ("LOCATION", "DATE_TIME", "NRP", "ORGANIZATION")
KINDS: Final = DEFAULT_KINDS + OPTIONAL_KINDS
"""Where two are equally certain of the same characters, the first in this order names them."""

NER_KINDS: Final = {
    "PERSON": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
    "NORP": "NRP",
    "ORG": "ORGANIZATION",
}
"""OntoNotes label of spaCy's pipeline -> kind."""
