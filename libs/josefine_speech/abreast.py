"""The order in which sequences of different lengths are gone over side by side. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Steps(NamedTuple):
    """Steps that follow each other."""

    rows: NDArray[np.int64]
    """Where their inputs stand among those of all sequences: step behind step."""
    sequences: list[int]
    """How many sequences have each of the steps."""


class Abreast:
    """Sequences side by side, the longest first: those that have a step more stand in front."""

    def __init__(self, counts: Sequence[int]) -> None:
        """counts: Length of each sequence; their inputs stand sequence behind sequence."""
        lengths = np.asarray(counts, np.int64)
        self.order: Final = np.argsort(-lengths, kind="stable")
        """int64 [sequences]: which sequence is where."""
        self._starts: Final = (np.cumsum(lengths) - lengths)[self.order]
        steps = np.arange(lengths.max(initial=0))
        self._active: Final[list[int]] = np.searchsorted(-lengths[self.order], -steps, side="left").tolist()

    def stretches(self, most_rows: int) -> Iterator[Steps]:
        """Yields all steps in order, together as many as have `most_rows` inputs, one at least."""
        first, taken = 0, 0
        for step, sequences in enumerate(self._active):
            if taken and taken + sequences > most_rows:
                yield self._steps(first, step)
                first, taken = step, 0
            taken += sequences
        if taken:
            yield self._steps(first, len(self._active))

    def _steps(self, first: int, last: int) -> Steps:
        sequences = self._active[first:last]
        rows = [self._starts[:count] + step for step, count in enumerate(sequences, first)]
        return Steps(np.concatenate(rows), sequences)
