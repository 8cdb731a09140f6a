"""What the runtime holds of its partitions: the books of each, the inputs that are not finished, the positions."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from josefine_stage.clock import Clock
from josefine_stage.handler import Input, Source
from josefine_stage.partition import Partition
from josefine_stage.ports import Position, RawRecord
from josefine_stage.position import pack
from josefine_stage.sessions import SessionTable

LOOK_BACK_S = 1.0
"""How often it is worked out anew from where a restart would have to replay: over all sessions."""
NOTHING_DONE = Position(0, pack(0, 0, ()))


class Books:
    """The books of all assigned partitions. Called from the loop's thread."""

    def __init__(self, sessions: SessionTable, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._partitions: dict[Source, Partition] = {}
        self._raw: dict[Input[Any], RawRecord] = {}
        self._wrote: set[Input[Any]] = set()
        self._looked_back_at_s = clock.monotonic_s()

    # --- partitions ---------------------------------------------------------------------------------------

    @property
    def partitions(self) -> Mapping[Source, Partition]:
        """The assigned partitions; a snapshot is not made, so nothing may be added or dropped while it is read."""
        return self._partitions

    def put(self, partition: Partition) -> None:
        """Enters an assigned partition, or one that is read again."""
        self._partitions[partition.source] = partition

    def give_up(self, source: Source) -> set[str]:
        """Drops a partition with its sessions and inputs; returns all keys that have to be forgotten."""
        given_up = [entry for entry in self._raw if entry.source == source]
        sessions = self._sessions.of(source)
        self._sessions.drop(sessions)
        for entry in given_up:
            del self._raw[entry]
            self._wrote.discard(entry)
        del self._partitions[source]
        # Work without a session (texts) is given up with its records.
        return {*sessions, *(entry.key for entry in given_up)}

    # --- inputs -------------------------------------------------------------------------------------------

    def __contains__(self, entry: Input[Any]) -> bool:
        """Whether an input was read and is neither finished nor given up."""
        return entry in self._raw

    def __len__(self) -> int:
        """How many inputs are not finished."""
        return len(self._raw)

    def enter(self, entry: Input[Any], raw: RawRecord) -> None:
        """Enters an input that has been read."""
        self._raw[entry] = raw

    def current(self, inputs: Iterable[Input[Any]]) -> list[Input[Any]]:
        """Returns the inputs that were not given up with their partition meanwhile."""
        return [entry for entry in inputs if entry in self._raw]

    def wrote(self, entry: Input[Any]) -> None:
        """Notes that something was written for an input."""
        self._wrote.add(entry)

    def raw(self, entry: Input[Any]) -> RawRecord:
        """Returns the record of an input that is not finished."""
        return self._raw[entry]

    def finish(self, entry: Input[Any]) -> None:
        """Closes an input that is done: its offset may be committed."""
        del self._raw[entry]
        self._partitions[entry.source].ledger.finish(entry.offset, wrote=entry in self._wrote)
        self._wrote.discard(entry)

    def not_written(self) -> set[str]:
        """Returns the keys of results that wait for a place in a commit (Partition.waiting)."""
        return {waits.input.key for partition in self._partitions.values() for waits in partition.waiting}

    # --- positions ----------------------------------------------------------------------------------------

    def offset(self, source: Source) -> int:
        """Returns the partition's committed offset."""
        return self._partitions[source].ledger.committed

    def look_back(self, *, at_once: bool) -> None:
        """Works out from where a restart would have to replay: `at_once`, or if that was long ago."""
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_back_at_s < LOOK_BACK_S and not at_once:
            return
        self._looked_back_at_s = now_s
        behind = {entry.source for entry in self._raw if self._is_again(entry)}
        for source, partition in self._partitions.items():
            needed = self._sessions.replay_from(source, partition.ledger.advance())
            if source in behind or partition.ledger.read_to < partition.taken_up_at:
                # Sessions whose records are still to be handled again are not known here.
                needed = min(needed, partition.replay_from)
            partition.replay_from = needed

    def _is_again(self, entry: Input[Any]) -> bool:
        return entry.offset < self._partitions[entry.source].taken_up_at

    def changed_positions(self) -> dict[Source, Position]:
        """Returns the positions that the broker does not have yet."""
        changed = {}
        for source, partition in self._partitions.items():
            position = partition.position(partition.replay_from)
            nothing_done = partition.committed is None and position == NOTHING_DONE
            if position != partition.committed and not nothing_done:
                changed[source] = position
        return changed

    def unchanged_position(self) -> dict[Source, Position]:
        """Returns a position that stays, so that the broker sees from which generation of the group a unit comes."""
        for source, partition in self._partitions.items():
            return {source: partition.position(partition.replay_from)}
        return {}

    def committed(self, positions: Mapping[Source, Position]) -> None:
        """Notes that the broker has the positions."""
        for source, position in positions.items():
            partition = self._partitions[source]
            partition.committed = position
            partition.ledger.committed = position.offset

    def drop_ended(self) -> Collection[str]:
        """Drops the sessions whose end is durable, but for those with unfinished inputs; returns their keys."""
        ended = {key for key, session in self._sessions.items() if session.ended}
        if ended:
            ended -= {entry.key for entry in self._raw}
            self._sessions.drop(ended)
        return ended
