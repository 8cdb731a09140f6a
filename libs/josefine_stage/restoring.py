"""Opening the sessions of a batch: from nothing, from a snapshot, or by going back in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from josefine_stage.handler import Handler, Input, Snapshot, Source
from josefine_stage.partition import Partition
from josefine_stage.ports import SnapshotStore
from josefine_stage.sessions import Session, SessionTable

CLOCK_SKEW_MS = 5_000
"""Allowed between the clocks of producers, brokers and the store when the log is searched by time."""


@dataclass(slots=True)
class Restored:
    """What is to be done with the inputs of a batch."""

    fresh: list[Input[Any]] = field(default_factory=list)
    """To be accepted, in order."""
    known: list[Input[Any]] = field(default_factory=list)
    """Part of a restored state already."""
    rewind: dict[Source, int] = field(default_factory=dict)
    """Partitions whose log has to be searched since this time (Unix epoch, ms) for a session's beginning."""


class Restorer:
    """Gives the handler each session's state before its first record."""

    def __init__(self, handler: Handler[Any], store: SnapshotStore, sessions: SessionTable) -> None:
        self._handler = handler
        self._store = store
        self._sessions = sessions

    def restore(self, inputs: Sequence[Input[Any]], partitions: Mapping[Source, Partition]) -> Restored:
        """Opens every session that the inputs need and this process does not hold.

        Raises:
            StoreError: the store did not answer; nothing was opened.
        """
        stored = self._load(inputs)
        result = Restored()
        for entry in inputs:
            if entry.source in result.rewind:
                continue
            if not is_session_record(entry):
                result.fresh.append(entry)
                continue
            partition = partitions[entry.source]
            if entry.key not in self._sessions:
                snapshot = _newest(stored.get(entry.key, ()), partition.ledger.committed)
                if snapshot is None and self._must_search(entry, partition):
                    partition.searched.add(entry.key)
                    result.rewind[entry.source] = entry.record["session_started_at"] - CLOCK_SKEW_MS
                    continue
                self._open(entry, snapshot)
                if snapshot or entry.record["sequence"] == 0:
                    partition.searched.discard(entry.key)
            known = entry.offset < self._sessions[entry.key].base
            (result.known if known else result.fresh).append(entry)
        # A partition is read again as a whole, so nothing of it may be handled now.
        result.fresh = [entry for entry in result.fresh if entry.source not in result.rewind]
        result.known = [entry for entry in result.known if entry.source not in result.rewind]
        return result

    def _load(self, inputs: Sequence[Input[Any]]) -> Mapping[str, Sequence[Snapshot]]:
        missing = {entry.key for entry in inputs if is_session_record(entry) and entry.key not in self._sessions}
        return self._store.load(sorted(missing)) if missing else {}

    def _open(self, entry: Input[Any], snapshot: Snapshot | None) -> None:
        base = snapshot.version if snapshot else entry.offset
        session = Session(entry.source, base)
        if snapshot:
            session.versions, session.over = [snapshot.version], snapshot.over
        self._handler.restore(entry.key, snapshot)
        self._sessions.open(entry.key, session)

    def _must_search(self, entry: Input[Any], partition: Partition) -> bool:
        """Whether a session without a snapshot may have begun where this process has not read.

        It has not when the record is its first, when the commit told from where to replay and the store has lost
        nothing since the session began, or when the log was searched already.
        """
        if entry.record["sequence"] == 0 or entry.key in partition.searched:
            return False
        lost = entry.record["session_started_at"] <= self._store.born_at_ms() + CLOCK_SKEW_MS
        return lost or not partition.tells_replay


def is_session_record(entry: Input[Any]) -> bool:
    """Whether the record belongs to a session with state (transcripts do not: nlu keeps none)."""
    return "sequence" in entry.record


def _newest(snapshots: Sequence[Snapshot], committed: int) -> Snapshot | None:
    """Returns the newest snapshot that is not newer than the commit: what lies beyond may never have happened."""
    return max((s for s in snapshots if s.version <= committed), key=lambda s: s.version, default=None)
