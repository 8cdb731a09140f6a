"""Order statistics of few values. Pure."""

from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float | None:
    """Returns the smallest value that at least `share` of the values do not exceed; None of none (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    rank = max(-(-share * len(ordered) // 1), 1)
    return ordered[int(rank) - 1]
