"""The results of a file as a person or a program outside reads them: seconds, one list of words, one text.

Everything on the log counts samples per channel; this is the edge where that ends.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from josefine_wire.positions import seconds
from josefine_wire.records import Polarity, Sentiment, Transcript, Understanding


class TimedWord(TypedDict):
    """A word; times in seconds from session start."""

    word: str
    punctuated_word: str
    start: float
    end: float
    confidence: float


class Segment(TypedDict):
    """A final; times in seconds from session start."""

    channel: int
    segment: int
    start: float
    end: float
    text: str
    confidence: float
    speech_final: bool


class TimedEntity(TypedDict):
    """A named thing; times in seconds from session start."""

    channel: int
    segment: int
    label: str
    text: str
    start: float
    end: float


# 0.1 ms: finer than a sample at 16 kHz (62.5 us) would feign, coarser than the noise of a float.
_DECIMALS = 4
# The compound score's thresholds of VADER's authors, as in the schema of `understanding`.
_POSITIVE_FROM = 0.05


def in_order(finals: Iterable[Transcript]) -> list[Transcript]:
    """Returns each FINAL once, in order of time, then channel. Copies by a replay have the same id."""
    unique = {final["id"]: final for final in finals if final["kind"] == "FINAL"}
    return sorted(unique.values(), key=lambda final: (final["start_sample"], final["channel"], final["segment"]))


def transcript_text(finals: Sequence[Transcript]) -> str:
    """Returns the text of finals in order, one space between them."""
    return " ".join(text for final in finals if (text := final["text"].strip()))


def timed_words(finals: Sequence[Transcript]) -> list[TimedWord]:
    """Returns the words of finals in order."""
    return [
        TimedWord(
            word=word["word"],
            punctuated_word=word["punctuated_word"],
            start=_seconds(word["start_sample"]),
            end=_seconds(word["end_sample"]),
            confidence=round(word["confidence"], _DECIMALS),
        )
        for final in finals
        for word in final["words"]
    ]


def segments(finals: Sequence[Transcript]) -> list[Segment]:
    """Returns finals that hold text, in order."""
    return [
        Segment(
            channel=final["channel"],
            segment=final["segment"],
            start=_seconds(final["start_sample"]),
            end=_seconds(final["end_sample"]),
            text=final["text"].strip(),
            confidence=round(final["confidence"], _DECIMALS),
            speech_final=final["speech_final"],
        )
        for final in finals
        if final["text"].strip()
    ]


def timed_entities(understood: Iterable[Understanding]) -> list[TimedEntity]:
    """Returns the entities of all segments, in order of time."""
    found = [
        TimedEntity(
            channel=record["channel"],
            segment=record["segment"],
            label=entity["label"],
            text=entity["text"],
            start=_seconds(entity["start_sample"]),
            end=_seconds(entity["end_sample"]),
        )
        for record in _once(understood)
        for entity in record["entities"]
    ]
    return sorted(found, key=lambda entity: (entity["start"], entity["channel"], entity["segment"]))


def overall_sentiment(understood: Iterable[Understanding]) -> Sentiment | None:
    """Returns the mean of the segments' sentiments, weighted by their length; None where there is none."""
    scored = [
        (record["sentiment"]["score"], max(record["end_sample"] - record["start_sample"], 1))
        for record in _once(understood)
        if record["sentiment"] is not None
    ]
    if not scored:
        return None
    score = sum(score * samples for score, samples in scored) / sum(samples for _, samples in scored)
    return Sentiment(label=_polarity(score), score=round(score, _DECIMALS))


def _once(understood: Iterable[Understanding]) -> Iterable[Understanding]:
    return {record["id"]: record for record in understood}.values()


def _polarity(score: float) -> Polarity:
    if score >= _POSITIVE_FROM:
        return "POSITIVE"
    return "NEGATIVE" if score <= -_POSITIVE_FROM else "NEUTRAL"


def _seconds(position_samples: int) -> float:
    return round(seconds(position_samples), _DECIMALS)
