"""What the runtime needs of the outside world. Implemented by josefine_kafka and josefine_state, and in memory
by josefine_stage.memory. All calls come from the runtime's one thread unless said otherwise.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from josefine_stage.clock import Clock
from josefine_stage.handler import Snapshot, Source

NO_HEADERS: Final[Mapping[str, bytes]] = MappingProxyType({})


class RawRecord(NamedTuple):
    """A record as the broker has it."""

    source: Source
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = NO_HEADERS


class Position(NamedTuple):
    """A committed offset and the text that was committed with it (see position.py)."""

    offset: int
    metadata: str


class AssignmentListener(Protocol):
    """Called from inside `Reader.poll`."""

    def assigned(self, committed: Mapping[Source, Position | None]) -> Mapping[Source, int | None]:
        """Returns the offset to read each new partition from; None: the oldest record."""

    def revoked(self, sources: Collection[Source]) -> None:
        """The partitions go to another replica once this returns: finish, commit, drop."""

    def lost(self, sources: Collection[Source]) -> None:
        """The partitions are with another replica already: drop, write nothing."""


class Reader(Protocol):
    """Reads one topic as a member of the stage's consumer group."""

    def poll(self, most: int, timeout_s: float) -> Sequence[RawRecord]:
        """Returns records in log order, waiting at most `timeout_s` for the first."""

    def seek(self, source: Source, offset: int) -> None:
        """Goes on at `offset`; what was fetched before is dropped."""

    def generation(self) -> int:
        """Returns the group's generation as this member knows it: it grows with every rebalance; -1: not a member."""

    def offset_at(self, source: Source, timestamp_ms: int) -> int:
        """Returns the offset of the first record not older than `timestamp_ms`, or of the oldest record."""

    def pause(self, sources: Collection[Source]) -> None:
        """Stops fetching, keeps the assignment."""

    def resume(self, sources: Collection[Source]) -> None:
        """Undoes pause."""

    def caught_up(self) -> frozenset[Source]:
        """Returns the assigned partitions, but for paused ones, whose end the last poll that concerned them reached."""

    def lag(self) -> Mapping[Source, int]:
        """Returns how many records each assigned partition holds beyond the last one read, as far as known."""

    def close(self) -> None:
        """Leaves the group, after `revoked` was called for what is left."""


class UnitOfWork(Protocol):
    """Writes outputs, then makes them and the positions that they belong to durable."""

    @property
    def producer_epoch(self) -> int:
        """How many processes had this one's name before, as the broker counts; 0 where it does not."""

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Adds an output to the open unit."""

    def commit(self, positions: Mapping[Source, Position]) -> None:
        """Returns when the unit's outputs and the positions are durable: together, or outputs first.

        Raises:
            UnitAbortedError: nothing of the unit is visible; replay.
            FencedError, BrokerError: leave.
        """

    def abort(self) -> None:
        """Drops the open unit as far as the broker can."""

    def serve(self) -> None:
        """Takes what the client has to tell; it keeps all of it until it is asked, also while nothing is written."""

    def close(self) -> None:
        """Frees the connection."""


class LooseWriter(Protocol):
    """Writes outputs that belong to no unit: they may repeat or be lost."""

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Queues an output; waits only while the queue is full.

        Raises:
            BrokerError: the queue stayed full past the deadline.
        """

    def serve(self) -> None:
        """As UnitOfWork.serve."""

    def close(self) -> None:
        """Sends what is queued and frees the connection."""


class SnapshotStore(Protocol):
    """Versioned snapshots by session key. Each key has the epoch (epoch.py) of the last process that wrote it or
    read what was there; one of an earlier epoch is refused.
    """

    def claim(self, epoch: int, *, anew: bool = False) -> None:
        """Says that the stage's group has reached this epoch; `anew`: that its epochs have just begun.

        Raises:
            StoreFencedError: one of a later epoch did.
            StoreError: no answer within the deadline.
        """

    def load(self, keys: Sequence[str], epoch: int) -> Mapping[str, Sequence[Snapshot]]:
        """Returns all stored versions of each key that has any, oldest first.

        Raises:
            StoreFencedError: a process of a later epoch has one of the keys.
            StoreError: no answer within the deadline.
        """

    def save(self, snapshots: Mapping[str, Snapshot], keep_from: Mapping[str, int], epoch: int) -> None:
        """Stores snapshots; of each key drops versions below `keep_from[key]`, which is at most the snapshot's own.

        Raises:
            StoreFencedError: a process of a later epoch has some of the keys; the others are stored.
            StoreError: no answer within the deadline; some may be stored.
        """

    def close(self) -> None:
        """Frees the connection."""


OpenReader = Callable[[AssignmentListener], Reader]


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world of one stage."""

    open_reader: OpenReader
    unit: UnitOfWork
    loose: LooseWriter
    store: SnapshotStore
    clock: Clock
