"""Phrases in a transcript: where they are said, and what is written instead of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from josefine_gateway.shape.wording import Replacement
from josefine_gateway.shape.written import Written, at_seconds, marks, mean_confidence, share


def phrase(text: str) -> tuple[str, ...]:
    """Returns the bare words of a phrase as a user writes it."""
    bare = (part[len(marks(part)[0]) : len(part) - len(marks(part)[1])] for part in text.lower().split())
    return tuple(part for part in bare if any(map(str.isalnum, part)))


def places(words: Sequence[Written], wanted: tuple[str, ...]) -> Iterator[int]:
    """Yields where the phrase begins, each time that it is said; places do not overlap. Masks are no words."""
    at = 0
    while wanted and at + len(wanted) <= len(words):
        said = words[at : at + len(wanted)]
        if all(not word.masked and word.bare == part for word, part in zip(said, wanted, strict=True)):
            yield at
            at += len(wanted)
        else:
            at += 1


def replaced(words: Sequence[Written], replacement: Replacement) -> list[Written]:
    """Returns the words with the replacement for its phrase, which is written as it was given.

    The new words share the time of the old ones; punctuation around these stays.
    """
    size = len(replacement.find)
    edited: list[Written] = []
    at = 0
    for start in places(words, replacement.find):
        edited += [*words[at:start], *_instead(words[start : start + size], replacement.write)]
        at = start + size
    return [*edited, *words[at:]]


def search_results(words: Sequence[Written], searches: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
    """Returns the protocol's `search`: one entry a phrase, with the times at which exactly it is said."""
    return [
        {
            "query": " ".join(wanted),
            "hits": [_hit(words[at : at + len(wanted)]) for at in places(words, wanted)],
        }
        for wanted in searches
    ]


def _instead(old: Sequence[Written], texts: tuple[str, ...]) -> list[Written]:
    start, end = old[0].start_sample, old[-1].end_sample
    lead, trail = marks(old[0].text)[0], marks(old[-1].text)[1]
    edges = [start + (end - start) * at // max(len(texts), 1) for at in range(len(texts) + 1)]
    return [
        replace(
            old[0],
            bare=" ".join(phrase(text)) or text.lower(),
            text=(lead if at == 0 else "") + text + (trail if at == len(texts) - 1 else ""),
            start_sample=edges[at],
            end_sample=edges[at + 1],
            end_char=old[-1].end_char,
            confidence=mean_confidence(old),
        )
        for at, text in enumerate(texts)
    ]


def _hit(words: Sequence[Written]) -> dict[str, Any]:
    return {
        "confidence": share(mean_confidence(words)),
        "start": at_seconds(words[0].start_sample),
        "end": at_seconds(words[-1].end_sample),
        "snippet": " ".join(word.bare for word in words),
    }
