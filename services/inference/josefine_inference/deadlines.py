"""How long a batch may take before its child is taken for hung. Pure."""

from collections import deque
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
up to seven times however short it is, which would be multiplied in the deadline of a long batch."""
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
    """max(least, 10 x the 99th percentile of what was measured for each hop, times the hops, LEAST_HOPS at least)."""

    def __init__(self, limits: DeadlineLimits) -> None:
        self.limits = limits
        self._hop_s: deque[float] = deque(maxlen=MEASURED)

    def measured(self, hops: int, seconds: float) -> None:
        """Remembers how long a batch took."""
        self._hop_s.append(seconds / max(LEAST_HOPS, hops))

    def seconds(self, hops: int) -> float:
        """Returns the deadline of a batch. Until enough is measured the device may be as slow as speech itself."""
        if len(self._hop_s) < ENOUGH:
            return self.limits.batch_s + hops * HOP_S
        p99 = sorted(self._hop_s)[int(0.99 * (len(self._hop_s) - 1))]
        return max(self.limits.batch_s, TIMES_P99 * p99 * max(LEAST_HOPS, hops))
