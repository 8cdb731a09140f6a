"""Options of the protocol that this engine does not have: refused by name unless they are switched off."""

from types import MappingProxyType
from typing import Final

from josefine_gateway.listen.option_error import OptionError

OFF: Final = frozenset({"", "false", "0", "no", "off"})
"""Values, in lower case, that ask for nothing."""
NOT_HERE: Final = MappingProxyType(
    {
        "diarize": "speakers are not told apart",
        "diarize_model": "speakers are not told apart",
        "diarize_version": "speakers are not told apart",
        "detect_language": "the language is not detected: give language",
        "topics": "topics are not found",
        "intents": "intents are not found",
        "summarize": "nothing is summarised",
        "dictation": "spoken punctuation is not written as marks",
        "measurements": "units are not abbreviated",
        "filler_words": "the model does not write filler words",
        "custom_topic": "topics are not found",
        "custom_topic_mode": "topics are not found",
        "custom_intent": "intents are not found",
        "custom_intent_mode": "intents are not found",
        "keywords": "words are not weighed: give keyterm",
        "language_hint": "the language is not detected: give language",
    }
)
"""Name -> why."""


def refuse(name: str, values: list[str]) -> None:
    """Does nothing for an option that is switched off.

    Raises:
        OptionError: it is asked for.
    """
    if any(value.lower() not in OFF for value in values):
        raise OptionError(name, f"is not in this engine ({NOT_HERE[name]}); leave it out or give false")
