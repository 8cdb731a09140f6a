"""How certain it is that a turn is over. The engine's endpoint is silence, it has no model of turns.

So what a number can say is built from what interims show: that the words have stopped changing, that they are the
same as before, and that a sentence is complete. A final is certain.
"""

from typing import Final

from josefine_wire.records import Transcript

_STABLE: Final = 0.35
_UNCHANGED: Final = 0.30
_SENTENCE: Final = 0.25
"""Together 0.9, the highest threshold that the protocol allows for an eager end: with all of them it is reached."""
_SENTENCE_ENDS: Final = (".", "?", "!")


def end_of_turn_confidence(record: Transcript, text_before: str) -> float:
    """Returns 0 to 1. `text_before` is that of the interim before, of the same segment; empty if there was none."""
    if record["kind"] != "INTERIM":
        return 1.0 if record["speech_final"] else 0.0
    if not record["words"]:
        return 0.0
    stable = _STABLE * min(record["stable_words"] / len(record["words"]), 1.0)
    unchanged = _UNCHANGED if record["text"] == text_before else 0.0
    sentence = _SENTENCE if record["text"].rstrip().endswith(_SENTENCE_ENDS) else 0.0
    return round(stable + unchanged + sentence, 4)
