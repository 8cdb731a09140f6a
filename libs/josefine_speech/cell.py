"""An LSTM cell that goes over many sequences side by side."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_speech.rows import Product, fitting, product

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

    def walk(self, output: Floats, memory: Floats, sequences: int) -> "Walk":
        """Returns what takes the first `sequences` further, in place.

        Args:
            output: float32 [rows, 128], whole blocks of rows; those behind the sequences are left as they are.
            memory: float32 [rows, 128].
            sequences: one at least.
        """
        return Walk(self._from_output, output, memory, sequences)


class Walk:
    """Steps of the same sequences: what each of them looks at is laid out once, for with few sequences that takes as
    long as the arithmetic. One thread.
    """

    def __init__(self, from_output: Floats, output: Floats, memory: Floats, sequences: int) -> None:
        """Cell.walk is the way here."""
        rows = fitting(sequences, from_output)
        products = np.empty((GATES, rows, WIDTH), np.float32)
        self._multiply: Final = Product(output[:rows], from_output, products)
        self._products: Final = products[:, :sequences]
        # Without gaps: of an array with gaps numpy finds out at each call whether it overlaps itself.
        self._gates: Final = np.empty((GATES, sequences, WIDTH), np.float32)
        self._sigmoids: Final = self._gates[:_SIGMOIDS]
        self._half: Final = np.full(self._sigmoids.shape, _HALF)
        self._memory: Final = memory[:sequences]
        self.output: Final = output[:sequences]
        """float32 [sequences, 128]: of the last step."""

    def step(self, drive: Floats) -> None:
        """Takes the sequences a step further by float32 [4, sequences, 128]."""
        gates, sigmoids, memory, output = self._gates, self._sigmoids, self._memory, self.output
        self._multiply()
        np.add(self._products, drive, out=gates)
        np.tanh(gates, out=gates)
        np.multiply(sigmoids, self._half, out=sigmoids)
        np.add(sigmoids, self._half, out=sigmoids)
        enter, keep, leave, new = gates
        np.multiply(memory, keep, out=memory)
        np.multiply(new, enter, out=new)
        np.add(memory, new, out=memory)
        np.tanh(memory, out=output)
        np.multiply(output, leave, out=output)


def _transposed(matrices: Floats) -> Floats:
    return np.ascontiguousarray(matrices.transpose(0, 2, 1))


def _prepared(rows: Floats) -> Floats:
    """Returns the rows by gates, i, f, o, g, the sigmoids' halved: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, so that one
    call of tanh serves all four.
    """
    i, f, g, o = np.split(rows, GATES)
    return np.stack([i / 2, f / 2, o / 2, g]).astype(np.float32)
