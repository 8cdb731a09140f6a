"""When a program that ended is started again. Pure."""

from dataclasses import dataclass, replace
from typing import Final

FIRST_DELAY_S: Final = 0.25
LONGEST_DELAY_S: Final = 15.0
STABLE_S: Final = 30.0
"""A program that was ready for so long has earned a fresh count of failures."""


@dataclass(frozen=True, slots=True)
class RestartHistory:
    """How often a role has ended, altogether and in a row."""

    restarts: int = 0
    in_a_row: int = 0
    ready_since_s: float | None = None

    def became_ready(self, now_s: float) -> "RestartHistory":
        """Returns the history with the program ready since `now_s`."""
        return replace(self, ready_since_s=now_s)

    def ended(self, now_s: float) -> "RestartHistory":
        """Returns the history after the program ended."""
        stable = self.ready_since_s is not None and now_s - self.ready_since_s >= STABLE_S
        return RestartHistory(self.restarts + 1, 1 if stable else self.in_a_row + 1)

    @property
    def delay_s(self) -> float:
        """Time to wait before the next start: doubled with every failure in a row."""
        # The exponent is bounded before the power is taken: 2.0**2000 is no float.
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(self.in_a_row - 1, 16)) if self.in_a_row else 0.0
