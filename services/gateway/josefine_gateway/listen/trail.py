"""Where a session's audio was some time ago. Pure."""

from collections import deque
from typing import Final


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
