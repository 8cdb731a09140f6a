"""The ports in memory: a log with transactions, a snapshot store, a clock that is set. For tests of handlers and of
the runtime itself; the conformance suite runs the same cases over these and over a real broker and store.
"""

import bisect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from josefine_stage.errors import FencedError, StoreError, StoreFencedError, UnitAbortedError
from josefine_stage.handler import Snapshot, Source
from josefine_stage.ports import AssignmentListener, Position, RawRecord

LEAST_POLL_S: Final = 0.001
"""What a poll takes: with a tenth of ever less time no deadline would be reached."""


@dataclass
class MemoryClock:
    """Time that passes when it is told to."""

    now_s: float = 1_700_000_000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def epoch_s(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class MemoryLog:
    """Topics, and one consumer group with its committed positions. Only committed records are ever seen."""

    clock: MemoryClock
    records: dict[Source, list[RawRecord]] = field(default_factory=dict)
    positions: dict[Source, Position] = field(default_factory=dict)
    generation: int = 0
    owners: dict[Source, "MemoryReader"] = field(default_factory=dict)

    def append(self, topic: str, key: bytes | None, value: bytes | None, partition: int = 0) -> int:
        """Writes a record; returns its offset."""
        source = Source(topic, partition)
        log = self.records.setdefault(source, [])
        log.append(RawRecord(source, len(log), int(self.clock.now_s * 1000), key, value))
        return len(log) - 1

    def read(self, topic: str) -> Iterator[RawRecord]:
        """Yields everything in a topic."""
        for source, log in self.records.items():
            if source.topic == topic:
                yield from log


class MemoryReader:
    """Reads one topic of the log; rebalances when told to, and learns at its next poll what others were given."""

    def __init__(
        self, log: MemoryLog, topic: str, listener: AssignmentListener, *, keeps_metadata: bool = True
    ) -> None:
        self._log = log
        self._topic = topic
        self._listener = listener
        self._keeps_metadata = keeps_metadata
        self._next: dict[Source, int] = {}
        self._paused: set[Source] = set()
        self._generation = -1
        self.cut_off = False
        """Whether the broker cannot be heard: nothing is read, and what was lost is not known."""
        self.while_reading: Callable[[], None] | None = None
        """Happens once, when the next poll has taken its records: a rebalance comes at any time."""
        self._moved: set[Source] = set()

    def assign(self, partitions: Collection[int]) -> None:
        """Gives partitions to this reader; one that has them learns it at its next poll."""
        sources = [Source(self._topic, partition) for partition in partitions]
        if again := [source.partition for source in sources if source in self._next]:
            # A member that was out of the group for a while hears of that first.
            self.revoke(again, lost=True)
        self._log.generation += 1
        self._log.owners.update(dict.fromkeys(sources, self))
        self._generation = self._log.generation
        committed = {source: self._committed(source) for source in sources}
        for source, offset in self._listener.assigned(committed).items():
            self._next[source] = offset or 0

    def revoke(self, partitions: Collection[int], *, lost: bool = False) -> None:
        """Takes partitions away, in time or too late."""
        sources = [Source(self._topic, partition) for partition in partitions]
        (self._listener.lost if lost else self._listener.revoked)(sources)
        self._moved.update(sources)
        for source in sources:
            self._next.pop(source, None)
            self._paused.discard(source)

    def held(self) -> list[int]:
        """Returns the partitions that this reader takes for its own."""
        return [source.partition for source in self._next]

    def generation(self) -> int:
        return self._generation

    def _hear_of_the_group(self) -> None:
        lost = [source.partition for source in self._next if self._log.owners.get(source) is not self]
        if lost:
            self.revoke(lost, lost=True)
        self._generation = self._log.generation

    def _committed(self, source: Source) -> Position | None:
        position = self._log.positions.get(source)
        if position is None or self._keeps_metadata:
            return position
        return Position(position.offset, "")

    def poll(self, most: int, timeout_s: float) -> Sequence[RawRecord]:
        self._log.clock.now_s += max(timeout_s / 10, LEAST_POLL_S)
        if self.cut_off:
            return ()
        self._hear_of_the_group()
        batch: list[RawRecord] = []
        for source, offset in self._next.items():
            if source in self._paused:
                continue
            batch += self._log.records.get(source, [])[offset : offset + most - len(batch)]
        for record in batch:
            self._next[record.source] = record.offset + 1
        return self._interrupted(batch)

    def _interrupted(self, batch: list[RawRecord]) -> list[RawRecord]:
        """Returns what of a batch is still to be read after what happened meanwhile."""
        happen, self.while_reading = self.while_reading, None
        if happen is None:
            return batch
        self._moved.clear()
        happen()
        return [record for record in batch if record.source not in self._moved]

    def seek(self, source: Source, offset: int) -> None:
        self._moved.add(source)
        self._next[source] = offset

    def offset_at(self, source: Source, timestamp_ms: int) -> int:
        log = self._log.records.get(source, [])
        return bisect.bisect_left([record.timestamp_ms for record in log], timestamp_ms)

    def pause(self, sources: Collection[Source]) -> None:
        self._paused |= set(sources)

    def resume(self, sources: Collection[Source]) -> None:
        self._paused -= set(sources)

    def caught_up(self) -> frozenset[Source]:
        return frozenset(source for source, lag in self.lag().items() if lag == 0 and source not in self._paused)

    def lag(self) -> Mapping[Source, int]:
        return {source: len(self._log.records.get(source, [])) - offset for source, offset in self._next.items()}

    def close(self) -> None:
        self.revoke([source.partition for source in self._next])


class MemoryUnit:
    """Units of work on the log: transactions, or (not `atomic`) outputs at once and offsets at commit."""

    def __init__(
        self,
        log: MemoryLog,
        *,
        atomic: bool = True,
        generation: Callable[[], int] | None = None,
        producer_epoch: int = 0,
    ) -> None:
        """`generation` is the reader's: positions of an earlier one than the group's are refused."""
        self._log = log
        self._atomic = atomic
        self._generation = generation
        self.producer_epoch = producer_epoch
        self._open: list[tuple[str, bytes, bytes]] = []
        self.fenced = False
        self.abort_next = False

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        if self._atomic:
            self._open.append((topic, key, value))
        else:
            self._log.append(topic, key, value)

    def commit(self, positions: Mapping[Source, Position]) -> None:
        if self.fenced:
            raise FencedError("another process has this transactional id")
        outputs, self._open = self._open, []
        if self.abort_next:
            self.abort_next = False
            raise UnitAbortedError("told to abort")
        if positions and self._generation and self._generation() != self._log.generation:
            raise UnitAbortedError("the group has another generation")
        for topic, key, value in outputs:
            self._log.append(topic, key, value)
        self._log.positions.update(positions)

    def abort(self) -> None:
        self._open = []

    def serve(self) -> None:
        """Nothing is told."""

    def close(self) -> None:
        self.abort()


class MemoryLoose:
    """The lane of what may repeat or be lost."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        self._log.append(topic, key, value)

    def serve(self) -> None:
        """Nothing is told."""

    def close(self) -> None:
        """Nothing is queued."""


class MemoryStore:
    """Snapshots in a dict, which can be lost."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[int, Snapshot]] = {}
        self._epochs: dict[str | None, int] = {}
        """By key; of None: the stage's."""
        self.unreachable = False

    def claim(self, epoch: int, *, anew: bool = False) -> None:
        self._reach()
        if anew:
            self._epochs[None] = epoch
        elif not self._admits(None, epoch):
            raise StoreFencedError(f"the stage has reached a later epoch than {epoch}")

    def load(self, keys: Sequence[str], epoch: int) -> Mapping[str, Sequence[Snapshot]]:
        self._reach()
        stored = [key for key in keys if key in self._versions]
        if [key for key in stored if not self._admits(key, epoch)]:
            raise StoreFencedError(f"a later epoch than {epoch} has some of the sessions")
        return {key: self.stored(key) for key in stored}

    def save(self, snapshots: Mapping[str, Snapshot], keep_from: Mapping[str, int], epoch: int) -> None:
        self._reach()
        admitted = [key for key in snapshots if self._admits(key, epoch)]
        for key in admitted:
            versions = self._versions.setdefault(key, {})
            versions[snapshots[key].version] = snapshots[key]
            for version in [v for v in versions if v < keep_from[key]]:
                del versions[version]
        if len(admitted) < len(snapshots):
            raise StoreFencedError(f"a later epoch than {epoch} has some of the sessions")

    def _admits(self, key: str | None, epoch: int) -> bool:
        if epoch < self._epochs.get(key, epoch):
            return False
        self._epochs[key] = epoch
        return True

    def stored(self, key: str) -> list[Snapshot]:
        """Returns a session's versions, oldest first, as one who is no process of the stage sees them."""
        return [snapshot for _, snapshot in sorted(self._versions.get(key, {}).items())]

    def flush_all(self) -> None:
        """Loses everything, as a Redis that was flushed."""
        self._versions.clear()
        self._epochs.clear()

    def lose(self, key: str) -> None:
        """Loses the newest version of a session, as a replica that was promoted without the last writes."""
        versions = self._versions.get(key)
        if versions:
            del versions[max(versions)]

    def _reach(self) -> None:
        if self.unreachable:
            raise StoreError("told to be unreachable")

    def close(self) -> None:
        """Nothing to free."""
