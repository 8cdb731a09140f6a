"""Options of the protocol that this engine does not have: refused by name where they would change something."""

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
WITHOUT_EFFECT: Final = frozenset({"no_delay", "tier"})
"""Whatever their value, nothing here is otherwise: no result waits to be formatted, and a model has no tiers."""
ONE_VALUE: Final = MappingProxyType({"alternatives": ("1", "there is one")})
"""Name -> the value that says what is so anyhow, and why there is no other."""
KNOWN: Final = frozenset({*NOT_HERE, *WITHOUT_EFFECT, *ONE_VALUE})


def refuse(name: str, values: list[str]) -> None:
    """Does nothing for one of KNOWN that changes nothing: it is switched off, or asks for what is so anyhow.

    Raises:
        OptionError: it is asked for.
    """
    if name in WITHOUT_EFFECT:
        return
    if name in ONE_VALUE:
        only, why = ONE_VALUE[name]
        if any(value != only for value in values):
            raise OptionError(name, why)
        return
    if any(value.lower() not in OFF for value in values):
        raise OptionError(name, f"is not in this engine ({NOT_HERE[name]}); leave it out or give false")
