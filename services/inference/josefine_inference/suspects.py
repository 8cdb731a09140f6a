"""Which batch is to blame for a dead child. Pure.

A batch that was being decoded when its child died is tried once more in a new child. If that one dies too it
is halved until a single window is left, which is given up. A half keeps its parent's count: each half's death
halves it again, so a window among n costs 2 + log2(n) children.
"""

from dataclasses import dataclass

from josefine_inference.messages import Batch, Failed

DEATHS_ALLOWED = 2


@dataclass(frozen=True, slots=True)
class Tried:
    """A batch and how many children died over it."""

    batch: Batch
    deaths: int = 0


def after_death(tried: Tried, reason: str) -> tuple[list[Tried], list[Failed]]:
    """Returns what to try next of a batch whose child died, and what is given up."""
    deaths = tried.deaths + 1
    work = tried.batch.work
    if deaths < DEATHS_ALLOWED:
        return [Tried(tried.batch, deaths)], []
    if len(work) == 1:
        return [], [Failed(work[0].id, "device_poison", f"killed {deaths} device children: {reason}")]
    return halves(tried.batch, deaths), []


def halves(batch: Batch, deaths: int) -> list[Tried]:
    """Returns the two parts of a batch of at least two windows."""
    half = len(batch.work) // 2
    return [Tried(Batch(batch.model, batch.language, part), deaths) for part in (batch.work[:half], batch.work[half:])]
