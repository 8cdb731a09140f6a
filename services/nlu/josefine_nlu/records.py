"""Transcripts and what was understood -> records of `understanding`."""

from collections.abc import Sequence

from josefine_nlu.spans import Span, sample_range, word_spans
from josefine_nlu.understanding import Understood
from josefine_wire.ids import understanding_id
from josefine_wire.records import Entity, PiiSpan, Transcript, Understanding


def segment_record(final: Transcript, understood: Understood) -> Understanding:
    """Returns what a FINAL says.

    The pipeline is English. Of other languages it is trusted with redaction only, where it rather hides too
    much: entities are left out, and sentiment is null.
    """
    record = end_record(final)
    record["kind"] = "SEGMENT"
    record["redacted_text"] = understood.redacted_text
    record["pii"] = [
        PiiSpan(kind=span.kind, start_char=span.start_char, end_char=span.end_char, score=span.score)
        for span in understood.pii
    ]
    if final["language"].lower().partition("-")[0] == "en":
        record["entities"] = _entities(final, understood.entities)
        record["sentiment"] = understood.sentiment
    return record


def end_record(transcript: Transcript) -> Understanding:
    """Returns the record that says nothing but that the channel has ended."""
    return Understanding(
        id=understanding_id(transcript["id"]),
        session_id=transcript["session_id"],
        channel=transcript["channel"],
        channels=transcript["channels"],
        kind="END",
        segment=transcript["segment"],
        session_started_at=transcript["session_started_at"],
        captured_at=transcript["captured_at"],
        start_sample=transcript["start_sample"],
        end_sample=transcript["end_sample"],
        entities=[],
        redacted_text="",
        pii=[],
        sentiment=None,
        metadata=transcript["metadata"],
        variant=transcript["variant"],
    )


def _entities(final: Transcript, spans: Sequence[Span]) -> list[Entity]:
    places = word_spans(final["text"], final["words"])
    return [_entity(final, span, places) for span in spans]


def _entity(final: Transcript, span: Span, places: Sequence[tuple[int, int]]) -> Entity:
    # A final without word times still has the segment's.
    heard = sample_range(span.start_char, span.end_char, places, final["words"])
    start_sample, end_sample = heard or (final["start_sample"], final["end_sample"])
    return Entity(
        label=span.kind,
        text=final["text"][span.start_char : span.end_char],
        start_char=span.start_char,
        end_char=span.end_char,
        start_sample=start_sample,
        end_sample=end_sample,
    )
