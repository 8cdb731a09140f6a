"""Utterances and paragraphs of a recording."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

from josefine_gateway.shape.words import protocol_words, text_of
from josefine_gateway.shape.written import Written, at_seconds, marks, mean_confidence, share
from josefine_wire.positions import SAMPLE_RATE_HZ

_SENTENCE_ENDS: Final = ".?!\u2026"
_PARAGRAPH_PAUSE_SAMPLES: Final = 2 * SAMPLE_RATE_HZ
"""Between sentences people pause 0.5 to 1 s; twice as long is a new thought."""
_PARAGRAPH_SENTENCES: Final = 5
"""Longer ones are walls of text."""


def utterances(
    request_id: str, channel: int, words: Sequence[Written], split_s: float, *, punctuated: bool
) -> list[dict[str, Any]]:
    """Returns the words of a channel, split where nothing is said for `split_s` seconds. Ids are stable."""
    return [
        _utterance(request_id, channel, part, punctuated=punctuated)
        for part in _at_pauses(words, round(split_s * SAMPLE_RATE_HZ))
    ]


def paragraphs(words: Sequence[Written]) -> dict[str, Any]:
    """Returns the protocol's `paragraphs`, punctuated: sentences together until a pause of 2 s or five of them."""
    found = [_paragraph(sentences) for sentences in _paragraphs(list(_sentences(words)))]
    texts = [" ".join(sentence["text"] for sentence in each["sentences"]) for each in found]
    return {"transcript": "".join(("\n", "\n\n".join(texts))) if texts else "", "paragraphs": found}


def _utterance(request_id: str, channel: int, words: Sequence[Written], *, punctuated: bool) -> dict[str, Any]:
    start = words[0].start_sample
    return {
        "start": at_seconds(start),
        "end": at_seconds(words[-1].end_sample),
        "confidence": share(mean_confidence(words)),
        "channel": channel,
        "transcript": text_of(words, punctuated=punctuated),
        "words": protocol_words(words, punctuated=punctuated),
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request_id}/{channel}/{start}")),
    }


def _at_pauses(words: Sequence[Written], pause_samples: int) -> list[list[Written]]:
    parts: list[list[Written]] = []
    for word in words:
        if not parts or word.start_sample - parts[-1][-1].end_sample >= pause_samples:
            parts.append([])
        parts[-1].append(word)
    return parts


def _sentences(words: Sequence[Written]) -> Iterator[list[Written]]:
    sentence: list[Written] = []
    for word in words:
        sentence.append(word)
        if any(mark in _SENTENCE_ENDS for mark in marks(word.text)[1]):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _paragraphs(sentences: list[list[Written]]) -> list[list[list[Written]]]:
    found: list[list[list[Written]]] = []
    for sentence in sentences:
        if not found or len(found[-1]) >= _PARAGRAPH_SENTENCES or _apart(found[-1][-1], sentence):
            found.append([])
        found[-1].append(sentence)
    return found


def _apart(before: Sequence[Written], after: Sequence[Written]) -> bool:
    return after[0].start_sample - before[-1].end_sample >= _PARAGRAPH_PAUSE_SAMPLES


def _paragraph(sentences: Sequence[Sequence[Written]]) -> dict[str, Any]:
    return {
        "sentences": [
            {
                "text": text_of(words, punctuated=True),
                "start": at_seconds(words[0].start_sample),
                "end": at_seconds(words[-1].end_sample),
            }
            for words in sentences
        ],
        "num_words": sum(map(len, sentences)),
        "start": at_seconds(sentences[0][0].start_sample),
        "end": at_seconds(sentences[-1][-1].end_sample),
    }
