"""The most streams that a system serves within the bound. Pure: measuring is left to who drives it."""

import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Final

PRECISION: Final = 1.1
"""Between the most that is served and the least that is not: runs differ by about as much."""

Row = dict[str, Any]
"""Of a measurement; `within` says whether it was."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be measured next."""

    streams: int
    short: bool
    """Whether a short look will do."""


Search = Generator[Ask, Row, None]


def search(first: int, precision: float = PRECISION) -> Search:
    """Asks for measurements and is sent their rows: streams are doubled (at first halved) by short looks until some are
    too many; what was served by them is confirmed by whole measurements, and narrowed down by more of these.
    """
    most, least_too_many = yield from _bracket(first)
    while most > 0 and not (yield Ask(most, short=False))["within"]:
        # The short look had promised too much.
        most, least_too_many = most // 2, most
    while least_too_many - most > 1 and least_too_many > precision * max(most, 1):
        middle = min(max(round(math.sqrt(max(most, 1) * least_too_many)), most + 1), least_too_many - 1)
        if (yield Ask(middle, short=False))["within"]:
            most = middle
        else:
            least_too_many = middle


def run(asks: Search, measured: Callable[[Ask], Row]) -> list[Row]:
    """Returns the rows of a search that nobody interrupts."""
    rows: list[Row] = []
    try:
        ask = next(asks)
        while True:
            rows.append(measured(ask))
            ask = asks.send(rows[-1])
    except StopIteration:
        return rows


def most_within(rows: Iterable[Row]) -> Row | None:
    """Returns the whole measurement with the most streams that was within; None: none was."""
    return max(
        (row for row in rows if row["within"] and not row["short"]), key=lambda row: row["streams"], default=None
    )


def _bracket(first: int) -> Generator[Ask, Row, tuple[int, int]]:
    """Returns streams that were served (0: none) and more that were not."""
    if not (yield Ask(first, short=True))["within"]:
        least_too_many = first
        while least_too_many > 1:
            half = least_too_many // 2
            if (yield Ask(half, short=True))["within"]:
                return half, least_too_many
            least_too_many = half
        return 0, least_too_many
    most = first
    while (yield Ask(2 * most, short=True))["within"]:
        most *= 2
    return most, 2 * most
