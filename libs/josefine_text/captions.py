"""Captions: words with times, cut into cues that can be read, as SubRip or WebVTT.

The limits are those that broadcasters agree on (BBC subtitle guidelines, Netflix timed text style guide):
two lines of 42 characters, between one and seven seconds on screen.
"""

import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Final, Literal

from webvtt import Caption, WebVTT
from webvtt.models import Timestamp

from josefine_text.wrapping import balanced_lines, pieces
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import Word

PAUSE_SAMPLES: Final = int(0.7 * SAMPLE_RATE_HZ)
"""Silence that always ends a cue: longer than the pauses inside a sentence, which are 0.1 to 0.5 s."""
LONGEST_CUE_SAMPLES: Final = 7 * SAMPLE_RATE_HZ
SHORTEST_CUE_SAMPLES: Final = 1 * SAMPLE_RATE_HZ
_SENTENCE_ENDS: Final = ".?!\u2026"
_CLAUSE_ENDS: Final = ",;:\u2014"

CaptionFormat = Literal["srt", "vtt"]


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen at once."""

    start_sample: int
    end_sample: int
    lines: tuple[str, ...]
    """One or two, each at most 42 characters."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of a word that fits a line, with its share of the word's time."""

    text: str
    start_sample: int
    end_sample: int


def cues(words: Iterable[Word]) -> list[Cue]:
    """Returns cues in order of time, disjoint when the words are; every word stands in exactly one.

    Words are in order of time. A cue is cut at a pause of 0.7 s, else where it is too long for the screen, at
    the best of sentence end, clause end and pause near its middle; short neighbours share a cue.
    """
    runs = _at_pauses([token for word in words for token in _tokens(word)])
    found = [_cue(part) for run in runs for part in _joined(_parts(run))]
    return [_held(cue, after) for cue, after in zip_longest(found, found[1:])]


def captions(found: Sequence[Cue], format_: CaptionFormat) -> str:
    """Returns the cues as a SubRip or WebVTT document."""
    document = io.StringIO()
    WebVTT(captions=[_caption(cue) for cue in found]).write(document, format=format_)
    # The library's cues are markup. It takes the tags out for SubRip, but leaves the escapes.
    text = html.unescape(document.getvalue()) if format_ == "srt" else document.getvalue()
    return text.rstrip("\n") + "\n"


def _tokens(word: Word) -> list[_Token]:
    """Splits what no line can hold; its pieces share the word's time by length."""
    texts = pieces(word["punctuated_word"])
    length = word["end_sample"] - word["start_sample"]
    edges = [word["start_sample"] + length * number // max(len(texts), 1) for number in range(len(texts) + 1)]
    return [_Token(text, *edge) for text, edge in zip(texts, pairwise(edges), strict=True)]


def _at_pauses(tokens: Sequence[_Token]) -> list[list[_Token]]:
    runs: list[list[_Token]] = []
    for token in tokens:
        if not runs or token.start_sample - runs[-1][-1].end_sample >= PAUSE_SAMPLES:
            runs.append([])
        runs[-1].append(token)
    return runs


def _parts(run: list[_Token]) -> list[list[_Token]]:
    """Cuts a run at every sentence end, and further where a part does not fit."""
    parts: list[list[_Token]] = [[]]
    for token in run:
        parts[-1].append(token)
        if token.text[-1] in _SENTENCE_ENDS:
            parts.append([])
    return [short for part in parts if part for short in _fitted(part)]


def _fitted(part: list[_Token]) -> list[list[_Token]]:
    if len(part) == 1 or _fits(part):
        return [part]
    cut = max(range(1, len(part)), key=lambda at: _cut_score(part, at))
    return [*_fitted(part[:cut]), *_fitted(part[cut:])]


def _cut_score(part: list[_Token], at: int) -> float:
    """How good a place for a cut is: near the middle, and after a clause or before a pause better still."""
    before, after = part[at - 1], part[at]
    middle = 1.0 - abs(2.0 * at / len(part) - 1.0)
    clause = 0.5 if before.text[-1] in _CLAUSE_ENDS else 0.0
    pause = min((after.start_sample - before.end_sample) / PAUSE_SAMPLES, 1.0)
    return middle + clause + 0.5 * max(pause, 0.0)


def _joined(parts: list[list[_Token]]) -> list[list[_Token]]:
    """Puts short neighbours on one screen."""
    joined: list[list[_Token]] = []
    for part in parts:
        if joined and _fits([*joined[-1], *part]):
            joined[-1] = [*joined[-1], *part]
        else:
            joined.append(part)
    return joined


def _fits(part: list[_Token]) -> bool:
    short = part[-1].end_sample - part[0].start_sample <= LONGEST_CUE_SAMPLES
    return short and balanced_lines([token.text for token in part]) is not None


def _cue(part: list[_Token]) -> Cue:
    lines = balanced_lines([token.text for token in part])
    if lines is None:
        raise AssertionError("a part is cut until it fits")
    return Cue(part[0].start_sample, max(part[-1].end_sample, part[0].start_sample), lines)


def _held(cue: Cue, after: Cue | None) -> Cue:
    """Keeps a short cue on the screen for a second, or until the next one."""
    end = max(cue.end_sample, cue.start_sample + SHORTEST_CUE_SAMPLES)
    if after is not None:
        end = max(cue.end_sample, min(end, after.start_sample))
    return Cue(cue.start_sample, end, cue.lines)


def _caption(cue: Cue) -> Caption:
    text = html.escape("\n".join(cue.lines), quote=False)
    return Caption(_timestamp(cue.start_sample), _timestamp(cue.end_sample), text)


def _timestamp(position_samples: int) -> str:
    milliseconds = position_samples * 1000 // SAMPLE_RATE_HZ
    seconds, milliseconds = divmod(milliseconds, 1000)
    return str(Timestamp(seconds // 3600, seconds // 60 % 60, seconds % 60, milliseconds))
