"""Which window is to blame for a dead child, and who waits while that is found out. Pure.

The final of a segment holds the sound of its interim. So while it is not known which window hung a child, the sessions
in its batch are held back, what is underway of them is under suspicion too, and of one session a single window is tried
at a time.

Of a batch over which a child died each window is tried alone. One over which two children died when it was alone is
given up: a window among any number costs three children, and no other one is taken for it. Windows under suspicion
are tried when nothing else waits, or by turns with batches that are not; what has killed alone comes last.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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
    hung: bool = False
    """Whether one of them was a hang, or one over another window of its session: each may cost a whole deadline."""

    @property
    def suspect(self) -> bool:
        """Whether it may be what kills."""
        return self.deaths > 0 or self.hung

    @property
    def sessions(self) -> frozenset[str]:
        """Whose windows these are, as far as it is known."""
        return frozenset(work.session for work in self.batch.work if work.session)


def after_death(tried: Tried, reason: str, *, hung: bool = False) -> tuple[list[Tried], list[Failed]]:
    """Returns what to try next of a batch whose child died, and what is given up."""
    died = replace(tried, deaths=tried.deaths + 1, hung=tried.hung or hung)
    if len(tried.batch.work) > 1:
        return singles(died), []
    if tried.alone + 1 < DEATHS_ALONE:
        return [replace(died, alone=tried.alone + 1)], []
    window = tried.batch.work[0]
    return [], [Failed(window.id, "device_poison", f"killed {died.deaths} device children: {reason}")]


def singles(tried: Tried) -> list[Tried]:
    """Returns each window of a batch as a batch of its own, under the same suspicion."""
    return [replace(tried, batch=replace(tried.batch, work=(work,))) for work in tried.batch.work]


def halves(tried: Tried) -> list[Tried]:
    """Returns the two parts of a batch of at least two windows that was too large, under the same suspicion."""
    work, half = tried.batch.work, len(tried.batch.work) // 2
    return [replace(tried, batch=replace(tried.batch, work=part)) for part in (work[:half], work[half:])]


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

    def fear(self, sessions: frozenset[str]) -> None:
        """Puts the windows of these sessions under suspicion, each alone."""
        if not sessions or not any(tried.sessions & sessions for tried in self._trusted):
            return
        trusted, self._trusted = self._trusted, deque()
        for tried in trusted:
            rest = tuple(work for work in tried.batch.work if work.session not in sessions)
            if rest:
                self._trusted.append(replace(tried, batch=replace(tried.batch, work=rest)))
            self.add(replace(one, hung=True) for one in singles(tried) if one.sessions & sessions)

    def take(self, *, may_kill: bool, by_turns: bool, waits: Callable[[Tried], bool] = lambda _: False) -> Tried | None:
        """Removes and returns what is to be tried next; None while there is nothing, or nothing else than a suspect.

        `may_kill`: whether a suspect may be tried now, and `waits` which may not. `by_turns`: whether one comes after
        each trusted batch, even while more of these wait; else it comes after all of them.
        """
        place = next((place for place, tried in enumerate(self._suspects) if not waits(tried)), None)
        if place is None or (self._trusted and not (by_turns and self._suspects_turn)):
            self._suspects_turn |= bool(self._trusted)
            return self._trusted.popleft() if self._trusted else None
        if not may_kill:
            return None
        self._suspects_turn = False
        tried = self._suspects[place]
        del self._suspects[place]
        return tried

    def _likely_culprits_last(self) -> None:
        """Lets no window wait for the second try of one that has killed alone: that one is likely to kill again."""
        self._suspects = deque(sorted(self._suspects, key=lambda tried: tried.alone))
