"""Messages of WS /v1/listen: what comes of the speech."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from josefine_gateway.shape.models import Model
from josefine_gateway.shape.phrases import search_results
from josefine_gateway.shape.wording import Wording
from josefine_gateway.shape.words import Shaped
from josefine_gateway.shape.written import at_seconds, length_seconds
from josefine_wire.records import Transcript

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """What all messages of a connection share."""

    request_id: str
    wording: Wording = field(default_factory=Wording)
    extra: Mapping[str, str] = field(default_factory=dict)
    """Echoed in every `metadata`."""
    keyterms: tuple[str, ...] = ()
    """Words that the session expects, from its beginning."""


@dataclass(frozen=True, slots=True)
class Covered:
    """How far the finals of one channel have come: the next message begins here."""

    sample: int = 0
    sequence_id: int = 0
    """That of the last final with a segment; 0 before the first."""

    def by(self, record: Transcript) -> Self:
        """Returns how far it is after the record, which may be of any kind; for finals that are not told again too.

        A repeated or overtaken final changes nothing.
        """
        if record["kind"] == "INTERIM":
            return self
        sequence_id = max(self.sequence_id, record["segment"] + 1) if record["kind"] == "FINAL" else self.sequence_id
        return replace(self, sample=max(self.sample, record["end_sample"]), sequence_id=sequence_id)


def results(
    stream: Stream, covered: Covered, record: Transcript, shaped: Shaped, *, from_finalize: bool | None = None
) -> Message:
    """Returns the Results of an INTERIM or FINAL, or the empty final of a FLUSHED or END.

    `covered` is how far the channel was before the record; the message reaches from there to the record's end, so
    that finals tile the audio. FLUSHED and END have no words: give an empty `Shaped`. `from_finalize` is what the
    record says (it answers a flush), unless told.
    """
    final = record["kind"] != "INTERIM"
    asked = _answers_flush(record) if from_finalize is None else from_finalize
    message: Message = {
        "type": "Results",
        "channel_index": [record["channel"], record["channels"]],
        "start": at_seconds(covered.sample),
        "duration": length_seconds(covered.sample, record["end_sample"]),
        "is_final": final,
        "speech_final": final and record["speech_final"],
        "from_finalize": final and asked,
        "channel": _channel(stream.wording, shaped),
        "metadata": _metadata(stream, Model(record["model"])),
        "sequence_id": covered.by(record).sequence_id,
    }
    if record["kind"] == "FINAL" and stream.wording.entities:
        message["entities"] = list(shaped.entities)
    return message


def speech_started(record: Transcript) -> Message:
    """Returns the SpeechStarted that stands before the first transcript of a segment."""
    return {
        "type": "SpeechStarted",
        "channel": [record["channel"], record["channels"]],
        "timestamp": at_seconds(record["start_sample"]),
    }


def utterance_end(channel: int, channels: int, last_word_end_sample: int) -> Message:
    """Returns the UtteranceEnd of a gap; josefine_gateway.shape.gaps knows when it is due."""
    return {
        "type": "UtteranceEnd",
        "channel": [channel, channels],
        "last_word_end": at_seconds(last_word_end_sample),
    }


def _answers_flush(record: Transcript) -> bool:
    return record["kind"] == "FLUSHED" or record["flushed"]


def _channel(wording: Wording, shaped: Shaped) -> Message:
    alternative = {"transcript": shaped.transcript, "confidence": shaped.confidence, "words": shaped.words}
    found: Message = {"alternatives": [alternative]}
    if wording.searches:
        found["search"] = search_results(shaped.written, wording.searches)
    return found


def _metadata(stream: Stream, model: Model) -> Message:
    found = {"request_id": stream.request_id, "model_info": model.description, "model_uuid": model.uuid}
    return {**found, "extra": dict(stream.extra)} if stream.extra else found


def sequence_ids(covered: Sequence[Covered]) -> tuple[int, ...]:
    """Returns the last sequence_id of each channel, as a client gives them when it goes on."""
    return tuple(each.sequence_id for each in covered)
