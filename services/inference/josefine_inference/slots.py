"""Shared memory between a parent and one child: a batch's mel is written once and read in place."""

import mmap
import os
import sys
import tempfile
from collections.abc import Sequence
from typing import Self

import numpy as np

from josefine_inference.mel import Mel


class Slots:
    """Equal parts of an anonymous file that both processes map. Pages cost nothing until they are written.

    Belongs to one child: a new child gets a new one, so a stopped child that wakes up cannot write into it.
    """

    def __init__(self, fd: int, slot_bytes: int, count: int) -> None:
        self.fd = fd
        self.slot_bytes = slot_bytes
        self.count = count
        self._map = mmap.mmap(fd, slot_bytes * count)

    @classmethod
    def create(cls, slot_bytes: int, count: int) -> "Slots":
        """Returns new slots.

        Raises:
            OSError: no file or no memory can be had.
        """
        fd = _anonymous_file()
        try:
            os.ftruncate(fd, slot_bytes * count)
            return cls(fd, slot_bytes, count)
        except OSError:
            os.close(fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, slot: int, arrays: Sequence[Mel]) -> list[int]:
        """Copies float16 arrays one behind the other and returns the byte offset of each in the slot."""
        offsets, at = [], 0
        for array in arrays:
            if at + array.nbytes > self.slot_bytes:
                raise ValueError(f"a batch of more than {self.slot_bytes} bytes")
            self._view(slot, at, array.shape)[...] = array
            offsets.append(at)
            at += array.nbytes
        return offsets

    def read(self, slot: int, offset: int, shape: tuple[int, int]) -> Mel:
        """Returns a view of an array that was written; it holds until the slot is written again."""
        return self._view(slot, offset, shape)

    def _view(self, slot: int, offset: int, shape: tuple[int, ...]) -> Mel:
        return np.ndarray(shape, np.float16, self._map, slot * self.slot_bytes + offset)

    def close(self) -> None:
        """Closes the file, once every process has mapped or inherited it; the mapping stays."""
        os.close(self.fd)

    def free(self) -> None:
        """Gives the memory back; no view of it may be left."""
        self._map.close()


def _anonymous_file() -> int:
    if sys.platform == "linux":
        return os.memfd_create("josefine-batches", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
