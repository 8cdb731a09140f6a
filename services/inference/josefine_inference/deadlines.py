"""How long a batch may take before its child is taken for hung. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MEASURED: Final = 200
"""Batches that are remembered."""
ENOUGH: Final = 5
"""Batches before the measured times are relied on: ten times the slowest of few is much already."""
TIMES_P99: Final = 10.0
"""How much slower than nearly all others a batch may be: another process on the CPU, a clocked-down card."""
LEAST_HOPS: Final = 3_000
"""A shorter batch counts as so long, when it is measured and when it is waited for: a doubtful window is decoded
up to seven times however short it is, which would be multiplied in the deadline of a long batch. So does each window
of a model that encodes whole ones: of 30 s, whatever they hold."""
HOP_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class DeadlineLimits:
    """Deadlines of one device, in seconds."""

    batch_s: float = 10.0
    """Least deadline of a batch."""
    load_s: float = 120.0
    """To start a child, or to load a model and to answer with it."""
    term_s: float = 2.0
    """From SIGTERM, on which a hung child prints where it hangs, to SIGKILL."""
    kill_s: float = 10.0
    """From SIGKILL to the end of the process; after it the device is put into quarantine."""


class BatchDeadline:
    """max(least, 10 x the 99th percentile of what was measured for each hop, times the hops, LEAST_HOPS at least).

    A batch is told by its model and the hops of each of its windows.
    """

    def __init__(self, limits: DeadlineLimits) -> None:
        self.limits = limits
        self.whole_windows: set[str] = set()
        """Models that encode whole windows, as far as they were loaded."""
        self._hop_s: deque[float] = deque(maxlen=MEASURED)

    def measured(self, model: str, windows: Sequence[int], seconds: float) -> None:
        """Remembers how long a batch took."""
        self._hop_s.append(seconds / self._counted(model, windows))

    def seconds(self, model: str, windows: Sequence[int]) -> float:
        """Returns the deadline of a batch.

        Until enough is measured the device may be as slow as speech itself, and no slower where whole windows are
        encoded: a hang over 64 of them would be found after half an hour.
        """
        if len(self._hop_s) < ENOUGH:
            return self.limits.batch_s + sum(windows) * HOP_S
        p99 = sorted(self._hop_s)[int(0.99 * (len(self._hop_s) - 1))]
        return max(self.limits.batch_s, TIMES_P99 * p99 * self._counted(model, windows))

    def _counted(self, model: str, windows: Sequence[int]) -> int:
        """Returns the hops that a batch counts for."""
        least = LEAST_HOPS if model in self.whole_windows else 0
        return max(LEAST_HOPS, sum(max(least, hops) for hops in windows))
