"""The most streams that a system serves within the bound. Pure."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

PRECISION: Final = 1.1
"""Between the most that is served and the least that is not: runs differ by about as much."""

Measured = Callable[[int, bool], dict[str, Any]]
"""Takes streams, and whether a short look will do; returns a row with `within`."""


def search(measured: Measured, first: int, precision: float = PRECISION) -> list[dict[str, Any]]:
    """Returns the rows: streams are doubled (at first halved) by short looks until some are too many, and then
    narrowed down by whole measurements.

    The most that are served are confirmed by a whole measurement: they are the greatest within of the rows that
    `confirmed` keeps.
    """
    rows: list[dict[str, Any]] = []

    def served(streams: int, *, short: bool) -> bool:
        rows.append(measured(streams, short) | {"short": short})
        return bool(rows[-1]["within"])

    most, least_too_many = _bracket(lambda streams: served(streams, short=True), first)
    while least_too_many - most > 1 and least_too_many > precision * most:
        middle = min(max(round(math.sqrt(max(most, 1) * least_too_many)), most + 1), least_too_many - 1)
        if served(middle, short=False):
            most = middle
        else:
            least_too_many = middle
    while most > 0 and not confirmed(rows, most):
        if served(most, short=False):
            break
        most = min(int(most / precision), most - 1)
    return rows


def confirmed(rows: Iterable[dict[str, Any]], streams: int) -> bool:
    """Returns whether a whole measurement with so many streams was within the bound."""
    return any(row["within"] and not row["short"] and row["streams"] == streams for row in rows)


def most_within(rows: Iterable[dict[str, Any]]) -> int:
    """Returns the most streams of a whole measurement that was within; 0: none was."""
    return max((row["streams"] for row in rows if row["within"] and not row["short"]), default=0)


def _bracket(served: Callable[[int], bool], first: int) -> tuple[int, int]:
    """Returns streams that were served (0: none) and twice as many that were not."""
    if served(first):
        most = first
        while served(2 * most):
            most *= 2
        return most, 2 * most
    least_too_many = first
    while least_too_many > 1 and not served(least_too_many // 2):
        least_too_many //= 2
    return least_too_many // 2, least_too_many
