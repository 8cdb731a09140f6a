"""When the loop turns, polls, commits and tells others of itself: seldom, as far as latency allows; all cost time."""

from typing import Final

from josefine_stage.clock import Clock

TURN_S: Final = 0.02
"""A turn with nothing to do begins so long after the last one: records that come one by one are handled together: a
window of features costs a third less among 16 than among 4. They wait 10 ms on average."""
IDLE_POLL_S: Final = 0.5
"""A poll ends with the first record; without any, so long is a stop waited for. To wake for nothing costs 0.3 ms."""
BUSY_POLL_S: Final = 0.01
"""A poll while the handler works: what is done is seen this late."""
LONGEST_BUSY_POLL_S: Final = 0.04
"""How seldom what others do for the handler is looked for when nothing came for a while. A device that takes a second
for a batch is not asked a hundred times for it; one whose batches take milliseconds has news in every turn."""
LONGEST_PATIENT_POLL_S: Final = 0.2
"""The same where nobody waits: a recording's window on a CPU takes about so long."""
LONGER: Final = 1.5
"""How much longer each poll is than the last in which nothing came: the longest after four, or eight."""
PUBLISH_S: Final = 0.5
"""How often the loop tells others how it stands: it turns up to a hundred times a second, and nobody reads so fast. The
group's generation alone costs 0.4 ms: librdkafka asks a thread of its own for it."""
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
        self._busy_poll_s = BUSY_POLL_S

    def gather(self, *, busy: bool) -> None:
        """Waits, at the beginning of a turn, until some records may have come together, unless there is work."""
        rest_s = min(self._turned_s + TURN_S - self._clock.monotonic_s(), TURN_S)
        if self._few and rest_s > 0 and not busy:
            self._clock.wait(rest_s)
        self._turned_s = self._clock.monotonic_s()

    def read(self, records: int, most: int) -> None:
        """Hears how many records came of those that might have: after many a backlog is likely, and no wait."""
        self._few = 0 < records < most

    def turned(self, *, news: bool, patient: bool) -> None:
        """Hears whether a turn brought anything, records or what has become of some, and whether nobody waits for the
        rest.
        """
        longest_s = LONGEST_PATIENT_POLL_S if patient else LONGEST_BUSY_POLL_S
        self._busy_poll_s = BUSY_POLL_S if news else min(self._busy_poll_s * LONGER, longest_s)

    def poll_timeout_s(self, *, busy: bool, outputs_waited_s: float | None) -> float:
        """Returns how long to wait for records, while the handler is `busy` and outputs have waited so long for their
        commit; None: there are none.
        """
        timeout_s = self._busy_poll_s if busy else IDLE_POLL_S
        if outputs_waited_s is None:
            return timeout_s
        return max(0.0, min(timeout_s, self.commit_interval_s - outputs_waited_s))

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
