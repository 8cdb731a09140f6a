"""Durations in buckets, for a handler's status: /status shows them as JSON, /metrics as a histogram."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import TypedDict


class DistributionStatus(TypedDict):
    """What a status says of durations."""

    buckets: dict[str, int]
    """Upper bound in seconds, "+Inf" last -> how many took no longer."""
    sum: float
    """Seconds of all together."""


class Distribution:
    """How many durations there were of which length. One thread."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self._bounds_s = tuple(bounds_s)
        self._counts = [0] * (len(self._bounds_s) + 1)
        self._sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Counts a duration."""
        self._counts[bisect_left(self._bounds_s, duration_s)] += 1
        self._sum_s += duration_s

    def status(self) -> DistributionStatus:
        """Returns what was counted, cumulative as Prometheus's histograms are."""
        bounds = [*(str(float(bound)) for bound in self._bounds_s), "+Inf"]
        return {"buckets": dict(zip(bounds, accumulate(self._counts), strict=True)), "sum": self._sum_s}
