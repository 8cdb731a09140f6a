"""Hides personal information. Whoever asked for it gets either a hidden text or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from josefine_gateway.shape.numbers import digit_runs
from josefine_gateway.shape.wording import Redaction
from josefine_gateway.shape.written import Written, marks, merged
from josefine_wire.records import Transcript, Understanding

NUMBER: Final = "NUMBER"
"""Kind of what is hidden because it is a number, whatever it means."""


@dataclass(frozen=True, slots=True)
class Masked:
    """Words of which some are masks."""

    words: list[Written]
    counts: dict[str, int]
    """How many masks of each kind there are up to here: the next one's number is one more."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Words [start, end) that are hidden together."""

    start: int
    end: int
    kind: str


def can_redact(final: Transcript, understanding: Understanding | None) -> bool:
    """Whether the understanding is that of this final, and its places are places of this text and its words."""
    if understanding is None or understanding["kind"] != "SEGMENT":
        return False
    same = all(understanding[name] == final[name] for name in ("session_id", "channel", "segment", "variant"))
    whole = " ".join(word["punctuated_word"] for word in final["words"]) == final["text"]
    inside = all(0 <= span["start_char"] < span["end_char"] <= len(final["text"]) for span in understanding["pii"])
    return same and whole and inside


def redacted(
    words: Sequence[Written], understanding: Understanding, redaction: Redaction, counts: Mapping[str, int]
) -> Masked:
    """Returns the words with one mask, such as [PHONE_NUMBER_1], for each thing that is hidden.

    A word of which a part is hidden is hidden whole; punctuation around the mask stays. Masks count on from
    `counts`. The understanding has to be one that `can_redact`.
    """
    counted = dict(counts)
    edited: list[Written] = []
    at = 0
    for place in _places(words, understanding, redaction):
        counted[place.kind] = counted.get(place.kind, 0) + 1
        edited += [*words[at : place.start], _mask(words[place.start : place.end], place.kind, counted[place.kind])]
        at = place.end
    return Masked([*edited, *words[at:]], counted)


def _places(words: Sequence[Written], understanding: Understanding, redaction: Redaction) -> list[_Place]:
    wanted = [span for span in understanding["pii"] if span["kind"] in redaction.kinds]
    found = [_covered(words, span["start_char"], span["end_char"], span["kind"]) for span in wanted]
    if redaction.least_digits is not None:
        found += [_Place(*run, NUMBER) for run in digit_runs(words, redaction.least_digits)]
    return _disjoint([place for place in found if place.end > place.start])


def _covered(words: Sequence[Written], start_char: int, end_char: int, kind: str) -> _Place:
    inside = [at for at, word in enumerate(words) if word.start_char < end_char and word.end_char > start_char]
    return _Place(inside[0], inside[-1] + 1, kind) if inside else _Place(0, 0, kind)


def _disjoint(places: list[_Place]) -> list[_Place]:
    """Unites what overlaps; what understanding named goes before a mere number."""
    united: list[_Place] = []
    for place in sorted(places, key=lambda place: (place.start, place.kind == NUMBER)):
        if united and place.start < united[-1].end:
            last = united[-1]
            kind = place.kind if last.kind == NUMBER else last.kind
            united[-1] = _Place(last.start, max(last.end, place.end), kind)
        else:
            united.append(place)
    return united


def _mask(words: Sequence[Written], kind: str, number: int) -> Written:
    mask = f"[{kind}_{number}]"
    return merged(words, mask, marks(words[0].text)[0] + mask + marks(words[-1].text)[1], masked=True)
