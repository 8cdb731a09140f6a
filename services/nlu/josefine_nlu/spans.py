"""From characters of a text to samples of the audio, and from overlapping findings to disjoint ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from josefine_wire.records import Word


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text that were found to be something."""

    start_char: int
    end_char: int
    kind: str
    score: float = 1.0

    def __len__(self) -> int:
        return self.end_char - self.start_char


def disjoint(spans: Iterable[Span], text: str) -> list[Span]:
    """Returns spans in the order of the text that cover all that `spans` cover and do not touch each other.

    What overlaps is united, so that nothing peeps out of a partial overlap; the longest span names the kind.
    Neighbours of one kind with only blanks between are one: a name and a surname.
    """
    united: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start_char, -span.end_char)):
        last = united[-1] if united else None
        if last and (span.start_char < last.end_char or _neighbours(last, span, text)):
            united[-1] = _union(last, span)
        else:
            united.append(span)
    return united


def word_spans(text: str, words: Sequence[Word]) -> list[tuple[int, int]]:
    """Returns the characters of each word in `text`. A word that is not there has an empty span at its place."""
    found: list[tuple[int, int]] = []
    cursor = 0
    for word in words:
        written = word["punctuated_word"].strip()
        at = text.find(written, cursor)
        start, cursor = (cursor, cursor) if at < 0 else (at, at + len(written))
        found.append((start, cursor))
    return found


def sample_range(
    start_char: int, end_char: int, spans: Sequence[tuple[int, int]], words: Sequence[Word]
) -> tuple[int, int] | None:
    """Returns begin and end in samples of the words that share a character with the range; None if none does."""
    inside = [word for (start, end), word in zip(spans, words, strict=True) if start < end_char and end > start_char]
    if not inside:
        return None
    return inside[0]["start_sample"], max(inside[0]["start_sample"], inside[-1]["end_sample"])


def _neighbours(left: Span, right: Span, text: str) -> bool:
    return left.kind == right.kind and not text[left.end_char : right.start_char].strip()


def _union(left: Span, right: Span) -> Span:
    named = max(left, right, key=lambda span: (len(span), span.score))
    end = max(left.end_char, right.end_char)
    return Span(left.start_char, end, named.kind, max(left.score, right.score))
