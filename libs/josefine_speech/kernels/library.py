"""The compiled kernels. hatch_build.py makes them when the distribution is built or installed."""

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from josefine_speech import grid
from josefine_speech.kernels.tables import MelTable, VoiceTable
from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES

BASELINE: Final = "baseline"
"""The instruction set that every processor has."""
_OF_LEVEL: Final = {1: BASELINE, 3: "x86_64_v3", 4: "x86_64_v4"}
_HERE: Final = Path(__file__).parent

Samples = NDArray[np.int16]


class KernelsMissingError(ImportError):
    """The compiled kernels are not there: installing the project (make setup, pip install) builds them."""


class Kernels:
    """The kernels of one instruction set. Any thread may call them; the interpreter is free meanwhile."""

    def __init__(self, instruction_set: str) -> None:
        """instruction_set: one of `instruction_sets()`.

        Raises:
            KernelsMissingError: they were not built.
        """
        self.instruction_set: Final = instruction_set
        library = _library(instruction_set)
        self._log_mel: Final = _function(library, "josefine_log_mel", pointers=4, more=1)
        self._voice_activity: Final = _function(library, "josefine_voice_activity", pointers=5, more=2)

    def log_mel(
        self, table: MelTable, samples: Samples, first: Sequence[int], counts: Sequence[int]
    ) -> NDArray[np.float16]:
        """Returns float16 [sum(counts), mels]: columns of counts[i] windows of 400 samples from each first[i] on, 160
        samples apart.

        Raises:
            ValueError: a window lies outside the samples.
        """
        starts, lengths = _ladders(samples, first, counts, HOP_SAMPLES, grid.MEL_WINDOW_SAMPLES)
        columns = np.empty((int(lengths.sum()), table.mels), np.float16)
        self._log_mel(
            ctypes.byref(table.structure),
            samples.ctypes.data,
            starts.ctypes.data,
            lengths.ctypes.data,
            len(lengths),
            columns.ctypes.data,
        )
        return columns

    def voice_activity(
        self,
        table: VoiceTable,
        samples: Samples,
        first: Sequence[int],
        counts: Sequence[int],
        begins: Sequence[bool],
        states: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Returns float32 [sum(counts)]: probabilities for counts[i] windows of 512 samples from each first[i] on.

        Args:
            table: The model.
            samples: int16, with 64 samples before each first[i].
            first: Of each sequence.
            counts: Of each sequence.
            begins: Of each sequence: nothing was heard before it, whatever the samples there are.
            states: float32 [sequences, 2, 128], taken along in place.

        Raises:
            ValueError: a window lies outside the samples, or states are of another shape or kind.
        """
        if len(begins) != len(first):
            raise ValueError(f"{len(first)} first windows and {len(begins)} beginnings")
        if not _is_state(states, len(first)):
            raise ValueError(f"states are float32 [{len(first)}, 2, {grid.VAD_STATE}], writable and without gaps")
        context = grid.VAD_CONTEXT_SAMPLES
        starts, lengths = _ladders(samples, first, counts, VAD_WINDOW_SAMPLES, VAD_WINDOW_SAMPLES, before=context)
        probabilities = np.empty(int(lengths.sum()), np.float32)
        beginnings = np.asarray(begins, np.uint8)
        self._voice_activity(
            ctypes.byref(table.structure),
            samples.ctypes.data,
            starts.ctypes.data,
            lengths.ctypes.data,
            beginnings.ctypes.data,
            len(lengths),
            states.ctypes.data,
            probabilities.ctypes.data,
        )
        return probabilities


def instruction_sets() -> list[str]:
    """Returns those that were built and this processor has, the best one last.

    Raises:
        KernelsMissingError: none was built.
    """
    level = _library(BASELINE).josefine_level()
    return [name for least, name in _OF_LEVEL.items() if least <= level and _path(name).exists()]


@cache
def best_kernels() -> Kernels:
    """Returns those of the best instruction set.

    Raises:
        KernelsMissingError: none was built.
    """
    return Kernels(instruction_sets()[-1])


def _ladders(
    samples: Samples, first: Sequence[int], counts: Sequence[int], step: int, window: int, *, before: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns both as arrays. What reads memory by itself has to be told nothing wrong."""
    starts, lengths = np.asarray(first, np.int64), np.asarray(counts, np.int64)
    if starts.shape != lengths.shape:
        raise ValueError(f"{len(starts)} first windows and {len(lengths)} counts")
    ends = starts + step * (lengths - 1) + window
    outside = (lengths > 0) & ((starts < before) | (ends > len(samples)))
    if outside.any() or (lengths < 0).any() or samples.dtype != np.int16 or not samples.flags.c_contiguous:
        raise ValueError(f"windows of {window} samples do not lie within {len(samples)} samples of 16 bits")
    return starts, lengths


def _is_state(states: NDArray[np.float32], sequences: int) -> bool:
    flags = states.flags
    shape = (sequences, 2, grid.VAD_STATE)
    return states.dtype == np.float32 and states.shape == shape and flags.c_contiguous and flags.writeable


def _path(instruction_set: str) -> Path:
    return _HERE / f"features-{instruction_set}.so"


@cache
def _library(instruction_set: str) -> ctypes.CDLL:
    path = _path(instruction_set)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        # ctypes' message begins with the path.
        raise KernelsMissingError(f"kernels of josefine_speech are not built ({error}): make setup") from error


def _function(library: ctypes.CDLL, name: str, *, pointers: int, more: int) -> Any:
    """Returns the function that takes so many pointers, a count, and more pointers."""
    function = getattr(library, name)
    function.argtypes = [ctypes.c_void_p] * pointers + [ctypes.c_int64] + [ctypes.c_void_p] * more
    function.restype = None
    return function
