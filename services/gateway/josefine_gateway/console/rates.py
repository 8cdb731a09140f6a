"""What follows from two looks at the same process. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from josefine_gateway.console.reading import DeviceReading, Reading


@dataclass(frozen=True, slots=True)
class Rates:
    """Per second between two looks."""

    records_per_s: float
    dead_letters_per_s: float
    busy_share: Mapping[str, float]
    """Of each device, 0 to 1."""
    pace: Mapping[str, float]
    """Of each device that worked: seconds of audio that it decodes in a second of work."""


def rates(before: Reading, now: Reading) -> Rates | None:
    """Returns the rates; None where one of them has no numbers or no time has passed."""
    passed_s = now.at_s - before.at_s
    if passed_s <= 0 or before.problem or now.problem:
        return None
    earlier = {line.device: line for line in before.status.devices}
    work = {line.device: _work(earlier.get(line.device), line) for line in now.status.devices}
    return Rates(
        records_per_s=_grown(before.values, now.values, "josefine_stage_records_total") / passed_s,
        dead_letters_per_s=_grown(before.values, now.values, "josefine_stage_dead_letters_total") / passed_s,
        # A batch counts when it is done: one that took longer than the time between two looks is more than all of it.
        busy_share={device: min(busy_s / passed_s, 1.0) for device, (_, busy_s) in work.items()},
        pace={device: audio_s / busy_s for device, (audio_s, busy_s) in work.items() if busy_s > 0},
    )


def new_in_buckets(before: Mapping[float, float], now: Mapping[float, float]) -> dict[float, float]:
    """Returns a histogram's cumulative counts of what came between two looks; all of `now` after a restart."""
    restarted = any(now.get(bound, 0.0) < count for bound, count in before.items())
    return {bound: count - (0.0 if restarted else before.get(bound, 0.0)) for bound, count in now.items()}


def summed(histograms: Iterable[Mapping[float, float]]) -> dict[float, float]:
    """Returns one histogram of several that have the same bounds."""
    total: dict[float, float] = {}
    for histogram in histograms:
        for bound, count in histogram.items():
            total[bound] = total.get(bound, 0.0) + count
    return total


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """Returns the value that `share` (0 to 1) of a histogram's counts do not exceed, None of an empty one.

    Linear within a bucket, as Prometheus's histogram_quantile; beyond the last bound it is that bound.
    """
    edges: Sequence[tuple[float, float]] = [(0.0, 0.0), *sorted(buckets.items())]
    wanted = share * edges[-1][1]
    if wanted <= 0:
        return None
    for (low, below), (high, upto) in pairwise(edges):
        if upto >= wanted and upto > below:
            return low if high == float("inf") else low + (high - low) * (wanted - below) / (upto - below)
    return None


def _grown(before: Mapping[str, float], now: Mapping[str, float], name: str) -> float:
    """Returns by how much a counter grew; one that fell has begun anew with its process."""
    earlier, later = before.get(name, 0.0), now.get(name, 0.0)
    return later - earlier if later >= earlier else later


def _work(before: DeviceReading | None, now: DeviceReading) -> tuple[float, float]:
    """Returns seconds of audio decoded, and of work."""
    if before is None or now.busy_s < before.busy_s:
        return now.audio_s, now.busy_s
    return now.audio_s - before.audio_s, now.busy_s - before.busy_s
