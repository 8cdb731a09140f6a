"""Where a session's audio is, and where it was some time ago. Pure."""

from collections import deque
from typing import Final

PAUSE_S: Final = 2.0
"""Pieces of audio that are farther apart have a pause of the sender between them: recorders of browsers send one every
second or sooner.
"""


class Clocked:
    """Where audio is whose bytes do not tell (a container, Opus packets): as far as results have come, and on from
    there by the clock, as live audio comes as fast as it passes.
    """

    def __init__(self) -> None:
        self.position_s = 0.0
        self._came_s: float | None = None

    def came(self, now_s: float) -> None:
        """Takes that a piece of audio has come."""
        if self._came_s is not None:
            passed_s = now_s - self._came_s
            self.position_s += passed_s if passed_s <= PAUSE_S else 0.0
        self._came_s = now_s

    def heard(self, end_s: float) -> None:
        """Takes how far a result reaches."""
        self.position_s = max(self.position_s, end_s)


class Trail:
    """Positions of the last `lag_s` seconds. What was sent so long ago the pipeline has been heard of."""

    def __init__(self, lag_s: float) -> None:
        self._lag_s: Final = lag_s
        self._passed: deque[tuple[float, float]] = deque()
        self._position_s = 0.0

    def at(self, now_s: float, position_s: float) -> float:
        """Takes where the audio is, in seconds; returns where it was `lag_s` before, 0 if that is not known."""
        self._passed.append((now_s, position_s))
        while self._passed and self._passed[0][0] <= now_s - self._lag_s:
            self._position_s = self._passed.popleft()[1]
        return self._position_s
