"""The answer of POST /v1/read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from josefine_gateway.shape.models import SENTIMENT
from josefine_gateway.shape.times import timestamp
from josefine_wire.records import Sentiment

_POLAR_FROM: Final = 0.05
"""Compound score of a polar text, as in the schema of `understanding`."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the text with its polarity."""

    text: str
    sentiment: Sentiment


def read_answer(
    request_id: str, created: datetime, language: str, passages: Sequence[Passage] | None
) -> dict[str, Any]:
    """Returns a ReadV1Response; `passages` are the whole text in order, None where no sentiment was asked for.

    The average is weighted by words. The inner metadata stand in both places in which clients look for them.
    """
    facts: dict[str, Any] = {"request_id": request_id, "created": timestamp(created), "language": language}
    if passages is None:
        return {"metadata": {**facts, "metadata": facts}, "results": {}}
    words = sum(len(passage.text.split()) for passage in passages)
    facts["sentiment_info"] = {"model_uuid": SENTIMENT.uuid, "input_tokens": words, "output_tokens": 0}
    return {"metadata": {**facts, "metadata": facts}, "results": {"sentiments": _sentiments(passages, words)}}


def _sentiments(passages: Sequence[Passage], words: int) -> dict[str, Any]:
    segments: list[dict[str, Any]] = []
    at, total = 0, 0.0
    for passage in passages:
        size, score = len(passage.text.split()), passage.sentiment["score"]
        if size:
            segments.append({"text": passage.text, "start_word": at, "end_word": at + size - 1, **_polarity(score)})
        at, total = at + size, total + score * size
    return {"segments": segments, "average": _polarity(total / words)} if words else {"segments": segments}


def _polarity(score: float) -> dict[str, Any]:
    polar = "positive" if score >= _POLAR_FROM else "negative" if score <= -_POLAR_FROM else "neutral"
    return {"sentiment": polar, "sentiment_score": round(score, 4)}
