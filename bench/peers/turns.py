"""Systems that take turns on one machine, so that what changes with time meets all of them."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console

from bench.streaming.audio import Spoken
from bench.streaming.measuring import Measuring
from bench.streaming.search import Ask, Search, search
from bench.streaming.system import System, SystemFailedError

MANY: Final = 100
"""More than any search asks for."""


@dataclass(slots=True)
class Turn:
    """A system that is searched for its capacity."""

    system: System
    first: int
    precision: float
    asks: Search = field(init=False)
    ask: Ask | None = field(init=False)
    """What is to be measured next; None: all is known."""

    def __post_init__(self) -> None:
        self.asks = search(self.first, self.precision)
        self.ask = next(self.asks)

    def answer(self, row: dict[str, Any]) -> None:
        """Goes on with what was measured."""
        try:
            self.ask = self.asks.send(row)
        except StopIteration:
            self.ask = None


def take_turns(
    turns: Sequence[Turn],
    recordings: Sequence[Spoken],
    options: argparse.Namespace,
    console: Console,
    keep: Callable[[dict[str, Any]], None],
) -> None:
    """Gives `keep` the rows of all, in the order in which they were measured. One that fails is a row that says why."""
    while left := [turn for turn in turns if turn.ask is not None]:
        for turn in left:
            measured = Measuring(turn.system, recordings, options.duration_s, options.seed, console, keep)
            # The last one that is left need not stop for others.
            _turn(turn, measured, asks=1 if len(left) > 1 else MANY)


def _turn(turn: Turn, measured: Measuring, asks: int) -> None:
    try:
        turn.system.start()
        measured.warm_up()
        for _ in range(asks):
            if turn.ask is None:
                return
            turn.answer(measured(turn.ask))
    except SystemFailedError as error:
        measured.console.print(f"{turn.system.name}: {error}", style="red")
        measured.keep({"system": turn.system.name, "failed": str(error)})
        turn.ask = None
    finally:
        turn.system.stop()
