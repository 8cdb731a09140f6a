"""Which window is to blame for a dead child, and who waits while that is found out. Pure.

Of a batch over which a child died each window is tried alone. One over which two children died when it was alone is
given up: a window among any number costs three children, and no other one is taken for it. Windows under suspicion
are tried when nothing else waits, or by turns with batches that are not; what has killed alone comes last.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from josefine_inference.messages import Batch, Failed

DEATHS_ALONE: Final = 2


@dataclass(frozen=True, slots=True)
class Tried:
    """A batch and how many children died over it."""

    batch: Batch
    deaths: int = 0
    alone: int = 0
    """How many of them when it was a single window."""

    @property
    def suspect(self) -> bool:
        """Whether it may be what kills."""
        return self.deaths > 0


def after_death(tried: Tried, reason: str) -> tuple[list[Tried], list[Failed]]:
    """Returns what to try next of a batch whose child died, and what is given up."""
    batch, deaths = tried.batch, tried.deaths + 1
    if len(batch.work) > 1:
        return [Tried(Batch(batch.model, batch.language, (work,)), deaths) for work in batch.work], []
    if tried.alone + 1 < DEATHS_ALONE:
        return [Tried(batch, deaths, tried.alone + 1)], []
    return [], [Failed(batch.work[0].id, "device_poison", f"killed {deaths} device children: {reason}")]


def halves(tried: Tried) -> list[Tried]:
    """Returns the two parts of a batch of at least two windows that was too large."""
    batch, half = tried.batch, len(tried.batch.work) // 2
    return [
        Tried(Batch(batch.model, batch.language, part), tried.deaths) for part in (batch.work[:half], batch.work[half:])
    ]


class WaitingBatches:
    """Batches before a device."""

    def __init__(self) -> None:
        self._trusted: deque[Tried] = deque()
        self._suspects: deque[Tried] = deque()
        self._suspects_turn = False

    def __bool__(self) -> bool:
        return bool(self._trusted or self._suspects)

    @property
    def trusted(self) -> int:
        """Number of batches that nothing speaks against."""
        return len(self._trusted)

    def all(self) -> list[Tried]:
        """Returns all of them."""
        return [*self._trusted, *self._suspects]

    def clear(self) -> None:
        """Forgets all of them."""
        self._trusted.clear()
        self._suspects.clear()

    def add(self, batches: Iterable[Tried]) -> None:
        """Adds batches behind those that wait."""
        for tried in batches:
            (self._suspects if tried.suspect else self._trusted).append(tried)
        self._likely_culprits_last()

    def put_back(self, batches: Iterable[Tried]) -> None:
        """Adds batches, in their order, before those that wait."""
        for tried in reversed(list(batches)):
            (self._suspects if tried.suspect else self._trusted).appendleft(tried)
        self._likely_culprits_last()

    def take(self, *, may_kill: bool, by_turns: bool) -> Tried | None:
        """Removes and returns what is to be tried next; None while there is nothing, or nothing else than a suspect.

        `may_kill`: whether a suspect may be tried now. `by_turns`: whether one comes after each trusted batch, even
        while more of these wait; else it comes after all of them.
        """
        suspect = bool(self._suspects) and (not self._trusted or (by_turns and self._suspects_turn))
        queue = self._suspects if suspect else self._trusted
        if not queue or (suspect and not may_kill):
            return None
        self._suspects_turn = not suspect
        return queue.popleft()

    def _likely_culprits_last(self) -> None:
        """Lets no window wait for the second try of one that has killed alone: that one is likely to kill again."""
        self._suspects = deque(sorted(self._suspects, key=lambda tried: tried.alone))
