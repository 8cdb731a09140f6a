"""The answer of POST /v1/read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from josefine_gateway.listen.options import ReadOptions
from josefine_gateway.shape.models import SENTIMENT
from josefine_gateway.shape.times import timestamp
from josefine_text.segments import overall_sentiment
from josefine_wire.records import Understanding


@dataclass(frozen=True, slots=True)
class ReadPart:
    """A part of the text, and what was understood of it; None: nlu has given it up."""

    text: str
    understanding: Understanding | None


def read_answer(parts: Sequence[ReadPart], options: ReadOptions, request_id: str, created: datetime) -> dict[str, Any]:
    """Returns a ReadV1Response; word numbers count over the whole text, both ends inclusive."""
    about: dict[str, Any] = {"request_id": request_id, "created": timestamp(created), "language": options.language or "en"}
    results: dict[str, Any] = {}
    if options.sentiment:
        words = sum(len(part.text.split()) for part in parts)
        about["sentiment_info"] = {"model_uuid": SENTIMENT.uuid, "input_tokens": words, "output_tokens": 0}
        results["sentiments"] = _sentiments(parts)
    if options.detect_entities:
        results["entities"] = _entities(parts)
    # The SDK's model has the fields one level deeper than the service sends them: both find them.
    return {"metadata": {**about, "metadata": about}, "results": results}


def _sentiments(parts: Sequence[ReadPart]) -> dict[str, Any]:
    segments, at = [], 0
    for part in parts:
        words = len(part.text.split())
        sentiment = part.understanding["sentiment"] if part.understanding else None
        if sentiment is not None:
            segments.append(
                {
                    "text": part.text,
                    "start_word": at,
                    "end_word": at + words - 1,
                    "sentiment": sentiment["label"].lower(),
                    "sentiment_score": round(sentiment["score"], 4),
                }
            )
        at += words
    found: dict[str, Any] = {"segments": segments}
    average = overall_sentiment(part.understanding for part in parts if part.understanding is not None)
    if average is not None:
        found["average"] = {"sentiment": average["label"].lower(), "sentiment_score": round(average["score"], 4)}
    return found


def _entities(parts: Sequence[ReadPart]) -> list[dict[str, Any]]:
    found, at = [], 0
    for part in parts:
        for entity in part.understanding["entities"] if part.understanding else ():
            start = at + len(part.text[: entity["start_char"]].split())
            words = len(part.text[entity["start_char"] : entity["end_char"]].split())
            found.append(
                {"label": entity["label"], "value": entity["text"], "start_word": start, "end_word": start + words - 1}
            )
        at += len(part.text.split())
    return found
