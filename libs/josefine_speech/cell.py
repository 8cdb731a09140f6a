"""An LSTM cell that goes over many sequences side by side."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_speech.rows import pad_rows, padded, product

WIDTH: Final = 128
"""Inputs and outputs of the cell; the state of a sequence is float32 [2, 128]: output and memory."""
_SIGMOIDS: Final = 3 * WIDTH

Floats = NDArray[np.float32]


class Cell:
    """An LSTM cell (torch's layout of weights). Read-only after construction: any thread may call it."""

    def __init__(self, from_input: Floats, from_output: Floats, bias: Floats) -> None:
        """from_input, from_output: float32 [512, 128], bias: float32 [512]; gates in the order i, f, g, o."""
        self._from_input: Final = np.ascontiguousarray(_prepared(from_input).T)
        self._from_output: Final = np.ascontiguousarray(_prepared(from_output).T)
        self._bias: Final = _prepared(bias)

    def drive(self, inputs: Floats) -> Floats:
        """Returns float32 [n, 512]: what inputs [n, 128] (whole blocks of rows) add to the gates."""
        return product(inputs, self._from_input) + self._bias

    def run(self, drive: Floats, counts: Sequence[int], states: Floats) -> tuple[Floats, Floats]:
        """Returns the outputs float32 [sum(counts), 128] and the new states float32 [sequences, 2, 128].

        Args:
            drive: float32 [>= sum(counts), 512], sequence behind sequence.
            counts: Length of each sequence.
            states: float32 [sequences, 2, 128].
        """
        lengths = np.asarray(counts, np.int64)
        longest_first = np.argsort(-lengths, kind="stable")
        starts = (np.cumsum(lengths) - lengths)[longest_first]
        # Of all sequences, those with more than `step` inputs: they stand in front.
        steps = np.arange(lengths.max(initial=0))
        active = np.searchsorted(-lengths[longest_first], -steps, side="left")
        output, memory = (pad_rows(states[longest_first, part]) for part in (0, 1))
        outputs = np.empty((int(lengths.sum()), WIDTH), np.float32)
        for step, sequences in enumerate(active.tolist()):
            rows = starts[:sequences] + step
            now = self._step(drive[rows], output, memory[:sequences])
            output[:sequences] = now
            outputs[rows] = now
        after = np.empty_like(states)
        after[longest_first, 0] = output[: len(states)]
        after[longest_first, 1] = memory[: len(states)]
        return outputs, after

    def _step(self, drive: Floats, output: Floats, memory: Floats) -> Floats:
        """Returns the next outputs [n, 128] of the first n sequences and writes their next memory in place."""
        sequences = len(drive)
        drive += product(output[: padded(sequences)], self._from_output)[:sequences]
        gates = np.tanh(drive, out=drive)
        sigmoids = gates[:, :_SIGMOIDS]
        sigmoids *= 0.5
        sigmoids += 0.5
        memory *= gates[:, WIDTH : 2 * WIDTH]
        memory += gates[:, :WIDTH] * gates[:, _SIGMOIDS:]
        return np.tanh(memory) * gates[:, 2 * WIDTH : _SIGMOIDS]


def _prepared(rows: Floats) -> Floats:
    """Returns the gates' rows in the order i, f, o, g, the sigmoids' halved: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2,
    so that one call of tanh serves all four.
    """
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([i / 2, f / 2, o / 2, g]).astype(np.float32)
