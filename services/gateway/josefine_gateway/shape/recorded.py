"""The answer of POST /v1/listen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from josefine_client.results import SessionResult
from josefine_gateway.shape.connection import Heard, description
from josefine_gateway.shape.phrases import search_results
from josefine_gateway.shape.sentiments import Felt, sentiment_info, sentiments
from josefine_gateway.shape.utterances import paragraphs, utterances
from josefine_gateway.shape.wording import Wording
from josefine_gateway.shape.words import Shaped, protocol_words, shaped, text_of
from josefine_gateway.shape.written import Written, mean_confidence, share

UTTERANCE_SPLIT_S: Final = 0.8
"""Deepgram's default."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the answer holds beside the words."""

    wording: Wording = field(default_factory=Wording)
    paragraphs: bool = False
    utterances: bool = False
    utt_split_s: float = UTTERANCE_SPLIT_S
    sentiment: bool = False


def felt_finals(result: SessionResult, channel: int, wording: Wording) -> list[Felt]:
    """Returns the finals of a channel as they are to be read; masks are counted over the whole channel."""
    found: list[Felt] = []
    masks: dict[str, int] = {}
    for final in result.finals(channel):
        understanding = result.understanding_of(final)
        text = shaped(final, understanding, wording, masks)
        masks = dict(text.masks)
        found.append(Felt(text, understanding))
    return found


def recorded_answer(result: SessionResult, heard: Heard, layout: Layout) -> dict[str, Any]:
    """Returns a ListenV1Response of a session that is over.

    With a redaction, entities or sentiment everything has to be understood before, else what is missing is left
    out; a redacted text that was not understood most of all. Keys that were not asked for are absent, never null.
    """
    by_channel = [felt_finals(result, channel, layout.wording) for channel in range(heard.channels)]
    found: dict[str, Any] = {"channels": [_channel(felt, layout) for felt in by_channel]}
    if layout.utterances:
        found["utterances"] = _all_utterances(by_channel, heard.request_id, layout)
    metadata = description(heard)
    if layout.sentiment:
        everything = list(chain.from_iterable(by_channel))
        found["sentiments"] = sentiments(everything)
        metadata["sentiment_info"] = sentiment_info(everything)
    return {"metadata": metadata, "results": found}


def accepted(request_id: str) -> dict[str, Any]:
    """Returns the answer to a request whose results go to a callback."""
    return {"request_id": request_id}


def _channel(felt: Sequence[Felt], layout: Layout) -> dict[str, Any]:
    words = [word for each in felt for word in each.shaped.written]
    punctuated = layout.wording.punctuated
    alternative: dict[str, Any] = {
        "transcript": text_of(words, punctuated=punctuated),
        "confidence": share(mean_confidence(words)),
        "words": protocol_words(words, punctuated=punctuated),
    }
    if layout.paragraphs:
        alternative["paragraphs"] = paragraphs(words)
    if layout.wording.entities:
        alternative["entities"] = list(_entities([each.shaped for each in felt]))
    found: dict[str, Any] = {"alternatives": [alternative]}
    if layout.wording.searches:
        found["search"] = search_results(words, layout.wording.searches)
    return found


def _entities(finals: Sequence[Shaped]) -> Iterator[dict[str, Any]]:
    """Yields the finals' entities with places among the words of the whole channel."""
    at = 0
    for final in finals:
        for entity in final.entities:
            yield {**entity, "start_word": entity["start_word"] + at, "end_word": entity["end_word"] + at}
        at += len(final.written)


def _all_utterances(by_channel: Sequence[Sequence[Felt]], request_id: str, layout: Layout) -> list[dict[str, Any]]:
    """Returns the utterances of all channels in order of time."""
    found = [
        utterance
        for channel, felt in enumerate(by_channel)
        for utterance in utterances(
            request_id, channel, _words(felt), layout.utt_split_s, punctuated=layout.wording.punctuated
        )
    ]
    return sorted(found, key=lambda utterance: (utterance["start"], utterance["channel"]))


def _words(felt: Sequence[Felt]) -> list[Written]:
    return [word for each in felt for word in each.shaped.written]
