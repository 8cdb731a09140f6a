"""The mel columns that the open segment still needs, as views into the records that brought them."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

Mel = NDArray[np.float16]
"""Raw log10 mel power, float16 [hops, mels]."""
MOST_MELS: Final = 128
"""Whisper large-v3; the others have 80."""


class MelWindow:
    """Columns [start_hop, end_hop) of one channel."""

    def __init__(self, end_hop: int = 0) -> None:
        self._chunks: deque[Mel] = deque()
        self.start_hop = end_hop
        self.end_hop = end_hop
        self.held_bytes = 0
        """Size of the columns held."""

    def append(self, columns: Mel) -> None:
        """Adds the columns behind `end_hop`."""
        if len(columns):
            self._chunks.append(columns)
            self.end_hop += len(columns)
            self.held_bytes += columns.nbytes

    def drop_before(self, hop: int) -> None:
        """Forgets the columns before `hop`."""
        while self._chunks and self.start_hop + len(self._chunks[0]) <= hop:
            chunk = self._chunks.popleft()
            self.start_hop += len(chunk)
            self.held_bytes -= chunk.nbytes
        if not self._chunks:
            self.start_hop = self.end_hop

    def restart(self, hop: int) -> None:
        """Forgets all columns; the next ones begin at `hop`."""
        self._chunks.clear()
        self.held_bytes = 0
        self.start_hop = self.end_hop = hop

    def take(self, start_hop: int, end_hop: int) -> Mel:
        """Returns a copy of columns [start_hop, end_hop)."""
        if not self.start_hop <= start_hop < end_hop <= self.end_hop:
            raise IndexError(f"hops {start_hop}-{end_hop} of {self.start_hop}-{self.end_hop}")
        parts, at = [], self.start_hop
        for chunk in self._chunks:
            part = chunk[max(0, start_hop - at) : max(0, end_hop - at)]
            if len(part):
                parts.append(part)
            at += len(chunk)
        return np.concatenate(parts)
