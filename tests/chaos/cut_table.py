"""What became of sessions whose connections or replicas were lost, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One repeat of one fault; words and finals of all its sessions together."""

    fault: str
    lost: int
    repeated: int
    changed: int
    back_s: Sequence[float]
    """How long each session was without a connection after each strike."""


ROWS = pytest.StashKey[list[Row]]()


def cut_table(rows: Sequence[Row]) -> Table:
    """Returns a line a fault."""
    table = Table("fault", title="live sessions through the gateway")
    for name in ("repeats", "lost words", "repeated words", "changed finals", "to go on p50", "max"):
        table.add_column(name, justify="right")
    for fault in dict.fromkeys(row.fault for row in rows):
        own = [row for row in rows if row.fault == fault]
        back_s = sorted(each for row in own for each in row.back_s)
        times = (f"{back_s[len(back_s) // 2]:.2f} s", f"{back_s[-1]:.2f} s") if back_s else ("-", "-")
        sums = (str(sum(getattr(row, name) for row in own)) for name in ("lost", "repeated", "changed"))
        table.add_row(fault, str(len(own)), *sums, *times)
    return table
