"""How well transcripts agree with what was said, clip by clip and pooled. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from josefine_cli.manifest import ReferenceClip
from josefine_cli.word_times import NUMBERS
from josefine_text.normalise import words
from josefine_text.wer import WordErrors, aligned_errors, pooled

_DIGITS: Final = {**{word: str(value) for value, word in enumerate(NUMBERS)}, "oh": "0", "o": "0"}


@dataclass(frozen=True, slots=True)
class ClipScore:
    """What became of a clip."""

    clip: ReferenceClip
    hypotheses: tuple[str, ...]
    """A text a channel."""
    errors: WordErrors
    hypothesis_words: int
    failure: str | None = None
    time_errors_s: tuple[float, ...] = ()
    """Of word times at the borders of known segments; signed: positive is late."""
    time_faults: int = 0
    """Words whose times go back, or leave the audio."""
    latencies_s: tuple[float, ...] = ()
    """A final's arrival less the capture of the audio that it had to wait for."""
    speech_latencies_s: tuple[float, ...] = field(default=())
    """The arrival of a final that an endpoint closed, less the end of its last word."""


@dataclass(frozen=True, slots=True)
class PooledScore:
    """Sums over clips."""

    files: int
    errors: WordErrors
    hypothesis_words: int
    rated: WordErrors
    """The part of `errors` in clips for which the other engine's rate is known."""
    reference_rate: float | None
    """The other engine's rate, pooled over the words of those clips; None where there are none."""

    @property
    def difference_points(self) -> float | None:
        """Word error rate less the other engine's on the same clips, in percentage points."""
        return None if self.reference_rate is None else 100 * (self.rated.rate - self.reference_rate)


def clip_errors(clip: ReferenceClip, hypotheses: Sequence[str]) -> WordErrors:
    """Returns the errors of a clip's channels together; a channel without a hypothesis counts as silent."""
    padded = [*hypotheses, *[""] * len(clip.channel_texts)][: len(clip.channel_texts)]
    pairs = zip(clip.channel_texts, padded, strict=True)
    return pooled(aligned_errors(_words(said, clip), _words(heard, clip)) for said, heard in pairs)


def hypothesis_words(clip: ReferenceClip, hypotheses: Iterable[str]) -> int:
    """Returns how many words were heard."""
    return sum(len(_words(text, clip)) for text in hypotheses)


def pooled_score(scores: Sequence[ClipScore]) -> PooledScore:
    """Returns the sums. A long clip weighs what it is long."""
    rated = [(score, rate) for score in scores if (rate := score.clip.reference_rate) is not None]
    total = sum(score.errors.reference_words for score, _ in rated)
    return PooledScore(
        files=len(scores),
        errors=pooled(score.errors for score in scores),
        hypothesis_words=sum(score.hypothesis_words for score in scores),
        rated=pooled(score.errors for score, _ in rated),
        reference_rate=sum(rate * score.errors.reference_words for score, rate in rated) / total if total else None,
    )


def _words(text: str, clip: ReferenceClip) -> list[str]:
    return _digits(text) if clip.digits else words(text)


def _digits(text: str) -> list[str]:
    """Returns the words with every digit by itself: `twenty nine fourteen`, `2914` and `two nine one four` are
    one thing to a person who dictates a number, and spelling is not what is measured.
    """
    spelt = " ".join(_DIGITS.get(word.strip(".,;:!?").lower(), word) for word in text.replace("-", " ").split())
    found: list[str] = []
    for word in words(spelt):
        found += list(word) if word.isdigit() else [_DIGITS.get(word, word)]
    return found
