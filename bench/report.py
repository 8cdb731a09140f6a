"""What every bench gives: a table for people, a JSON file for machines, and the bars that it was to reach."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.machine import machine

NOT_A_SCREEN: Final = 240
"""Columns of a table that goes into a file."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of measured values, in their own unit."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Distribution":
        """Returns the distribution; zeros for no values."""
        if not values:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        p50, p95, p99 = (float(value) for value in np.percentile(values, [50, 95, 99]))
        return cls(len(values), p50, p95, p99, float(max(values)))


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure and what it has to be."""

    key: str
    value: float
    wanted: float
    at_least: bool = True
    """Else: at most."""

    @property
    def reached(self) -> bool:
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted

    def line(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{self.key} {self.value:.3g} (wanted {sign} {self.wanted:g}): {'reached' if self.reached else 'MISSED'}"


@dataclass(slots=True)
class Report:
    """The result of one bench."""

    name: str
    method: str
    """In a few sentences: what was done, so that another may do it again."""
    seed: int
    simulated: bool = False
    """Whether a device was simulated."""
    figures: dict[str, Any] = field(default_factory=dict)
    """The keys that others refer to."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The table."""
    bars: list[Bar] = field(default_factory=list)

    def show(self, console: Console, columns: Sequence[str] = ()) -> None:
        """Prints the table, the figures and the bars."""
        names = list(columns) or list(self.rows[0] if self.rows else ())
        table = Table(*names, title=f"{self.name}{', SIMULATED device' if self.simulated else ''}")
        for row in self.rows:
            table.add_row(*(_cell(row.get(name)) for name in names))
        console.print(table)
        for key, value in self.figures.items():
            if not isinstance(value, dict | list):
                console.print(f"{key}: {_cell(value)}")
        for bar in self.bars:
            console.print(bar.line(), style="green" if bar.reached else "red")

    def write(self, path: Path) -> None:
        """Writes everything, the machine included."""
        document = asdict(self) | {"machine": machine()}
        for bar, written in zip(self.bars, document["bars"], strict=True):
            written["reached"] = bar.reached
        path.write_text(json.dumps(document, indent=1, default=asdict), encoding="utf-8")

    def keep(self, row: dict[str, Any], path: Path | None) -> None:
        """Adds a row, and writes what there is: a long run that is ended early is not lost."""
        self.rows.append(row)
        if path is not None:
            self.write(path)

    @property
    def reached(self) -> bool:
        return all(bar.reached for bar in self.bars)


def arguments(doc: str) -> argparse.ArgumentParser:
    """Returns a parser with what every bench takes."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, default=Path("samples"), help="folder with a manifest.jsonl")
    parser.add_argument("--json", type=Path, help="write the report here")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn")
    return parser


def finish(report: Report, json_file: Path | None, columns: Sequence[str] = ()) -> int:
    """Shows and writes a report; returns the exit status: 1 where a bar was missed."""
    report.show(Console(width=None if sys.stdout.isatty() else NOT_A_SCREEN), columns)
    if json_file is not None:
        report.write(json_file)
    return 0 if report.reached else 1


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        case Distribution():
            return f"{value.p50:.3g} / {value.p95:.3g} / {value.p99:.3g}"
        case _:
            return str(value)
