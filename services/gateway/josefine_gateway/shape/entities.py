"""The protocol's `entities`."""

from collections.abc import Sequence
from typing import Any

from josefine_gateway.shape.written import Written, marks, mean_confidence, share
from josefine_wire.records import Entity, Understanding


def entities(words: Sequence[Written], understanding: Understanding | None) -> list[dict[str, Any]]:
    """Returns what is named, in order. `start_word` and `end_word` are indices into `words`, both inclusive.

    What is hidden, in whole or in part, is left out. The finder gives no certainty, so `confidence` is that of
    the words.
    """
    found = [_entity(words, entity) for entity in understanding["entities"]] if understanding else []
    return [entity for entity in found if entity is not None]


def _entity(words: Sequence[Written], entity: Entity) -> dict[str, Any] | None:
    start_char, end_char = entity["start_char"], entity["end_char"]
    inside = [at for at, word in enumerate(words) if word.start_char < end_char and word.end_char > start_char]
    if not inside or any(words[at].masked for at in inside):
        return None
    said = words[inside[0] : inside[-1] + 1]
    return {
        "label": entity["label"],
        "value": _unmarked(" ".join(word.text for word in said)),
        "raw_value": " ".join(word.bare for word in said),
        "confidence": share(mean_confidence(said)),
        "start_word": inside[0],
        "end_word": inside[-1],
    }


def _unmarked(text: str) -> str:
    lead, trail = marks(text)
    return text[len(lead) : len(text) - len(trail)]
