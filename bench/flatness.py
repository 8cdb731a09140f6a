"""Whether a figure that is noted again and again during a run has grown: by its last sixth against its second.

The first sixth is left out: caches fill, and allocators find their size.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

FLAT: Final = 0.02
"""Growth of a process that counts as flat: allocators and caches breathe by about as much."""
SLACK_MIB: Final = 8.0
"""Growth in MiB that counts as flat whatever the process's size."""
LEAST_ROWS: Final = 12
"""Two a sixth of the run."""


@dataclass(frozen=True, slots=True)
class Flatness:
    """Of one figure."""

    after_first_sixth: float
    last_sixth: float
    flat: bool


def flatness(
    rows: Sequence[Mapping[str, Any]], names: Collection[str], *, share: float = FLAT, slack: float = SLACK_MIB
) -> dict[str, Flatness]:
    """Returns for each named column the mean of the second sixth, of the last, and whether that is flat.

    A figure may grow by `share` of itself or by `slack`, whichever is more. Rows that lack it count as 0.
    """
    sixth = max(len(rows) // 6, 1)
    judged = {}
    for name in names:
        before, after = _mean(rows[sixth : 2 * sixth], name), _mean(rows[-sixth:], name)
        judged[name] = Flatness(before, after, after - before <= max(before * share, slack))
    return judged


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return sum(float(row.get(name, 0.0)) for row in rows) / len(rows)
