"""A transcript as it is to be read: edited, in the protocol's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from josefine_gateway.shape.entities import entities
from josefine_gateway.shape.numbers import with_digits
from josefine_gateway.shape.phrases import replaced
from josefine_gateway.shape.profanity import without_profanity
from josefine_gateway.shape.redaction import Masked, can_redact, redacted
from josefine_gateway.shape.wording import Wording
from josefine_gateway.shape.written import Written, at_seconds, mean_confidence, share, written_words
from josefine_wire.records import Transcript, Understanding

_NO_MASKS: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Shaped:
    """What a message says of a stretch of speech."""

    written: tuple[Written, ...] = ()
    punctuated: bool = False
    entities: tuple[dict[str, Any], ...] = ()
    withheld: bool = False
    """A redaction was asked for that could not be done: there is no text."""
    masks: Mapping[str, int] = field(default_factory=dict)
    """How many masks of each kind there are up to here."""

    @property
    def transcript(self) -> str:
        """The text."""
        return text_of(self.written, punctuated=self.punctuated)

    @property
    def confidence(self) -> float:
        """Mean of the words', 0 of none."""
        return share(mean_confidence(self.written))

    @property
    def words(self) -> list[dict[str, Any]]:
        """The protocol's words; times in seconds from session start."""
        return protocol_words(self.written, punctuated=self.punctuated)


def shaped(
    record: Transcript,
    understanding: Understanding | None,
    wording: Wording,
    masks: Mapping[str, int] = _NO_MASKS,
) -> Shaped:
    """Returns the text of an INTERIM or FINAL, edited in the order redaction, numerals, profanity, replacements.

    Masks count on from `masks`: a live final begins at 1, for it may be told again by a server that does not
    remember the others. A redaction without the final's understanding gives no text at all.
    """
    hidden = _hidden(record, understanding, wording, masks)
    if hidden is None:
        return Shaped(punctuated=wording.punctuated, withheld=True, masks=dict(masks))
    words = _edited(hidden.words, wording)
    named = entities(words, understanding) if wording.entities else []
    return Shaped(tuple(words), wording.punctuated, tuple(named), masks=hidden.counts)


def text_of(words: Sequence[Written], *, punctuated: bool) -> str:
    """Returns the words as a text."""
    return " ".join(text for word in words if (text := word.text if punctuated else word.bare))


def protocol_words(words: Sequence[Written], *, punctuated: bool) -> list[dict[str, Any]]:
    """Returns the protocol's words; `punctuated_word` only where punctuation was asked for."""
    return [_protocol_word(word, punctuated=punctuated) for word in words]


def _hidden(
    record: Transcript, understanding: Understanding | None, wording: Wording, masks: Mapping[str, int]
) -> Masked | None:
    words = written_words(record)
    if not wording.redaction or not words:
        return Masked(words, dict(masks))
    if understanding is None or not can_redact(record, understanding):
        return None
    return redacted(words, understanding, wording.redaction, masks)


def _edited(words: list[Written], wording: Wording) -> list[Written]:
    if wording.numerals:
        words = with_digits(words)
    if wording.profanity_filter:
        words = without_profanity(words)
    for replacement in wording.replacements:
        words = replaced(words, replacement)
    return words


def _protocol_word(word: Written, *, punctuated: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "word": word.bare,
        "start": at_seconds(word.start_sample),
        "end": at_seconds(max(word.start_sample, word.end_sample)),
        "confidence": share(word.confidence),
    }
    return {**found, "punctuated_word": word.text} if punctuated else found
