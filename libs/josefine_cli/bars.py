"""What an evaluation has to reach, and whether it did. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from josefine_cli.scoring import ClipScore, pooled_score

PlayMode = Literal["recorded", "live"]

COUNTED_KINDS: Final = ("read", "long", "telephone", "format", "spontaneous")
"""Speech that the model was made for; the others are shown and not held against it."""
MOST_POINTS: Final[dict[PlayMode, float]] = {"recorded": 1.0, "live": 2.5}
"""Word error rate above the same model decoded offline by another engine, in percentage points."""
MOST_NOSPEECH_WORDS: Final = 2
MOST_TIME_ERROR_S: Final = 0.150
"""Median error of word times at known borders."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One requirement."""

    name: str
    measured: float
    limit: float
    unit: str

    @property
    def reached(self) -> bool:
        """Whether the requirement holds."""
        return self.measured <= self.limit

    def line(self) -> str:
        """Returns the requirement as a person reads it."""
        verdict = "ok" if self.reached else "MISSED"
        return f"{verdict}: {self.name}: {self.measured:.4g} {self.unit}, at most {self.limit:.4g}"


def bars(mode: PlayMode, scores: Sequence[ClipScore]) -> list[Bar]:
    """Returns the requirements that the clips can say something about."""
    found: list[Bar] = []
    difference = _difference_points(scores)
    if difference is not None:
        found.append(Bar(f"{mode}: word error rate above the reference", difference, MOST_POINTS[mode], "points"))
    silent = [score for score in scores if score.clip.kind == "nospeech"]
    if silent:
        heard = sum(score.hypothesis_words for score in silent)
        found.append(Bar(f"{mode}: words heard where nobody speaks", heard, MOST_NOSPEECH_WORDS, "words"))
    errors_s = [abs(error) for score in scores for error in score.time_errors_s]
    if errors_s:
        found.append(
            Bar(f"{mode}: median error of word times", 1000 * median(errors_s), 1000 * MOST_TIME_ERROR_S, "ms")
        )
    faults = sum(score.time_faults for score in scores)
    found.append(Bar(f"{mode}: words whose times go back or leave the audio", faults, 0, "words"))
    failures = sum(score.failure is not None for score in scores)
    found.append(Bar(f"{mode}: recordings that failed", failures, 0, "recordings"))
    return found


def unjudged(mode: PlayMode, scores: Sequence[ClipScore]) -> str | None:
    """Returns the line that says why word error rates are not held against anything; None where they are."""
    if _difference_points(scores) is not None:
        return None
    return f"{mode}: word error rate: no reference rate in the manifest: not judged"


def _difference_points(scores: Sequence[ClipScore]) -> float | None:
    return pooled_score([score for score in scores if score.clip.kind in COUNTED_KINDS]).difference_points
