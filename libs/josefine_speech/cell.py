"""An LSTM cell that goes over many sequences side by side."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_speech.rows import padded, product

WIDTH: Final = 128
"""Inputs and outputs of the cell; the state of a sequence is float32 [2, 128]: output and memory."""
GATES: Final = 4
_SIGMOIDS: Final = 3
_HALF: Final = np.float32(0.5)

Floats = NDArray[np.float32]


class Cell:
    """An LSTM cell (torch's layout of weights). Read-only after construction: any thread may call it.

    Each gate has an array of its own, so that whatever is done to one goes over memory without a gap.
    """

    def __init__(self, from_input: Floats, from_output: Floats, bias: Floats) -> None:
        """from_input, from_output: float32 [512, 128], bias: float32 [512]; gates in the order i, f, g, o."""
        self._from_input: Final = _transposed(_prepared(from_input))
        self._from_output: Final = _transposed(_prepared(from_output))
        self._bias: Final = _prepared(bias)[:, None]

    def drive(self, inputs: Floats, out: Floats) -> None:
        """Puts into `out`, float32 [4, n, 128], what inputs [n, 128] (whole blocks of rows) add to each gate."""
        product(inputs, self._from_input, out=out)
        out += self._bias

    def step(self, drive: Floats, output: Floats, memory: Floats) -> None:
        """Takes the first n sequences a step further, in place.

        Args:
            drive: float32 [4, n, 128].
            output: float32 [>= n, 128], whole blocks of rows; those behind n are left as they are.
            memory: float32 [>= n, 128].
        """
        sequences = drive.shape[1]
        gates = product(output[: padded(sequences)], self._from_output)[:, :sequences]
        gates += drive
        np.tanh(gates, out=gates)
        sigmoids = gates[:_SIGMOIDS]
        sigmoids *= _HALF
        sigmoids += _HALF
        enter, keep, leave, new = gates
        memory, output = memory[:sequences], output[:sequences]
        memory *= keep
        new *= enter
        memory += new
        np.tanh(memory, out=output)
        output *= leave


def _transposed(matrices: Floats) -> Floats:
    return np.ascontiguousarray(matrices.transpose(0, 2, 1))


def _prepared(rows: Floats) -> Floats:
    """Returns the rows by gates, i, f, o, g, the sigmoids' halved: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, so that one
    call of tanh serves all four.
    """
    i, f, g, o = np.split(rows, GATES)
    return np.stack([i / 2, f / 2, o / 2, g]).astype(np.float32)
