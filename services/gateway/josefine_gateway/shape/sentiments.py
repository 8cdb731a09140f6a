"""The protocol's `sentiments`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from josefine_gateway.shape.models import SENTIMENT
from josefine_gateway.shape.words import Shaped
from josefine_text.segments import overall_sentiment
from josefine_wire.records import Understanding


@dataclass(frozen=True, slots=True)
class Felt:
    """A final as it is written, and what was understood of it."""

    shaped: Shaped
    understanding: Understanding | None


def sentiments(felt: Sequence[Felt]) -> dict[str, Any]:
    """Returns the finals' sentiments with their words, counted over all of `felt` in order, both ends inclusive.

    The average is weighted by the finals' lengths, and left out where nothing is known. Scores are -1 to 1.
    """
    found: dict[str, Any] = {"segments": list(_segments(felt))}
    average = overall_sentiment(each.understanding for each in felt if each.understanding is not None)
    if average is not None:
        found["average"] = {"sentiment": average["label"].lower(), "sentiment_score": average["score"]}
    return found


def sentiment_info(felt: Sequence[Felt]) -> dict[str, Any]:
    """Returns what the metadata say of the finder: it reads words and writes none."""
    words = sum(len(each.shaped.written) for each in felt)
    return {"model_uuid": SENTIMENT.uuid, "input_tokens": words, "output_tokens": 0}


def _segments(felt: Iterable[Felt]) -> Iterable[dict[str, Any]]:
    at = 0
    for each in felt:
        words = len(each.shaped.written)
        sentiment = each.understanding["sentiment"] if each.understanding else None
        if words and sentiment is not None:
            yield {
                "text": each.shaped.transcript,
                "start_word": at,
                "end_word": at + words - 1,
                "sentiment": sentiment["label"].lower(),
                "sentiment_score": round(sentiment["score"], 4),
            }
        at += words
