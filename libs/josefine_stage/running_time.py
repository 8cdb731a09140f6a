"""Time in which the loop turned: what a process that was stopped or starved knows of silence."""

from typing import Final

from josefine_stage.clock import Clock

LONGEST_TURN_S: Final = 1.0
"""More than this between two turns is time in which nobody listened. Far less than any session's time-out, so that a
process that was stopped learns from the broker that it was replaced before it takes its sessions for silent."""


class RunningTime:
    """Seconds from an arbitrary zero; a turn adds LONGEST_TURN_S at the most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turned_at_s = clock.monotonic_s()
        self._now_s = self._turned_at_s

    def turn(self) -> float:
        """Returns the time of a new turn."""
        now_s = self._clock.monotonic_s()
        self._now_s += min(now_s - self._turned_at_s, LONGEST_TURN_S)
        self._turned_at_s = now_s
        return self._now_s
