"""When the loop turns, commits and tells others how it stands: seldom, as far as latency allows; each costs time."""

from typing import Final

from josefine_stage.clock import Clock

TURN_S: Final = 0.02
"""A turn with nothing to do begins so long after the last one: records that come one by one are handled together: a
window of features costs a third less among 16 than among 4. They wait 10 ms on average."""
PUBLISH_S: Final = 0.1
"""How often the loop tells others how it stands: it turns up to a hundred times a second, and nobody reads so fast."""
WORK_TO_COMMIT: Final = 3.0
"""Units take this many times as long as the last commit took: where the broker has much to do, they grow."""
LONGEST_COMMIT_INTERVAL_S: Final = 0.25
"""But not beyond this, which results wait for."""


class Rhythm:
    """The rhythm of one loop. Called from its thread."""

    def __init__(self, clock: Clock, commit_interval_s: float) -> None:
        self._clock = clock
        self._least_commit_interval_s = commit_interval_s
        self._commit_took_s = 0.0
        self._turned_s = self._published_s = float("-inf")
        self._few = False

    def gather(self, *, busy: bool) -> None:
        """Waits, at the beginning of a turn, until some records may have come together, unless there is work."""
        rest_s = min(self._turned_s + TURN_S - self._clock.monotonic_s(), TURN_S)
        if self._few and rest_s > 0 and not busy:
            self._clock.wait(rest_s)
        self._turned_s = self._clock.monotonic_s()

    def read(self, records: int, most: int) -> None:
        """Hears how many records came of those that might have: after many a backlog is likely, and no wait."""
        self._few = 0 < records < most

    def committed(self, took_s: float) -> None:
        """Hears how long a commit took."""
        self._commit_took_s = took_s

    @property
    def commit_interval_s(self) -> float:
        """How long outputs wait for company in their unit of work."""
        stretched_s = min(WORK_TO_COMMIT * self._commit_took_s, LONGEST_COMMIT_INTERVAL_S)
        return max(self._least_commit_interval_s, stretched_s)

    def publish_due(self) -> bool:
        """Returns, once in a while, that others should be told."""
        now_s = self._clock.monotonic_s()
        if now_s - self._published_s < PUBLISH_S:
            return False
        self._published_s = now_s
        return True
