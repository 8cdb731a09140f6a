"""The books of one partition: which records were read, which are done, and what may be committed. Pure."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from josefine_stage import position


class Ledger:
    """Offsets of one partition between reading and commit."""

    def __init__(self, committed: int, done: Iterable[int] = ()) -> None:
        """Begins at the committed offset; `done` are offsets beyond it whose outputs are durable."""
        self.committed = committed
        """Everything below is durable."""
        self._done_before: Final = frozenset(done)
        self._open: OrderedDict[int, bool] = OrderedDict()
        """Offset of every record read and not yet below the position -> whether it is done, in log order."""
        self._beyond: set[int] = set(self._done_before)
        """Done, with outputs, and not below the position: a restart must not write them again."""
        self._next = committed
        self.read_to = 0
        """Behind the last record that was read, replayed ones too."""

    def is_durable(self, offset: int) -> bool:
        """Whether the record's outputs are durable, so that they must not be written again."""
        return offset < self.committed or offset in self._done_before

    def read(self, offset: int) -> None:
        """Opens a record; offsets come in ascending order. Records below the commit are only replayed."""
        self.read_to = offset + 1
        self._next = max(self._next, offset + 1)
        if offset >= self.committed:
            self._open[offset] = False

    def finish(self, offset: int, *, wrote: bool) -> None:
        """Closes a record; `wrote`: it had outputs, which the next commit makes durable."""
        if offset not in self._open:
            return
        self._open[offset] = True
        if wrote:
            self._beyond.add(offset)

    @property
    def may_write(self) -> bool:
        """Whether one more record may be finished out of order and still be named in a commit."""
        return len(self._beyond) < position.MAX_DONE

    def is_first_open(self, offset: int) -> bool:
        """Whether nothing before the record is open, so that finishing it moves the position."""
        for candidate, done in self._open.items():
            if not done:
                return candidate == offset
        return False

    def advance(self) -> int:
        """Returns the offset that may be committed: everything below is done."""
        while self._open:
            offset, done = next(iter(self._open.items()))
            if not done:
                return offset
            del self._open[offset]
            self._beyond.discard(offset)
        return self._next

    def beyond(self, offset: int) -> list[int]:
        """Returns the finished offsets with outputs at or after `offset`, ascending."""
        return sorted(done for done in self._beyond if done >= offset)

    @property
    def in_flight(self) -> int:
        """Number of records read and not committed."""
        return len(self._open)
