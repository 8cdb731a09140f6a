"""Opening the sessions of a batch: from nothing, from a snapshot, or by going back in the log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from josefine_stage.errors import SnapshotUnreadableError, StoreError, StoreFencedError
from josefine_stage.handler import Handler, Input, Snapshot, Source
from josefine_stage.partition import Partition
from josefine_stage.ports import SnapshotStore
from josefine_stage.sessions import Session, SessionTable
from josefine_stage.standing import Standing

CLOCK_SKEW_MS = 5_000
"""Allowed between the clocks of producers and brokers when the log is searched by time."""

log = structlog.get_logger()


OffsetAt = Callable[[Source, int], int]
"""Reader.offset_at."""


@dataclass(slots=True)
class Restored:
    """What is to be done with the inputs of a batch."""

    fresh: list[Input[Any]] = field(default_factory=list)
    """To be accepted, in order."""
    known: list[Input[Any]] = field(default_factory=list)
    """Part of a restored state already."""
    rewind: dict[Source, int] = field(default_factory=dict)
    """Partitions that have to be read again from this offset, for a session whose state is not there."""
    misplaced: list[Input[Any]] = field(default_factory=list)
    """They would be known by their offsets, but their session is open in another partition, whose offsets say nothing
    of these.
    """
    waiting: list[Input[Any]] = field(default_factory=list)
    """In order; of sessions that cannot be restored until the store answers."""


class Restorer:
    """Gives the handler each session's state before its first record.

    A commit promises that every session that is open at it can be rebuilt from a snapshot at or behind the offset to
    replay from, or from its first record there. What is found decides:

    - a snapshot behind that offset: the state; what lies between is read and known already;
    - an older snapshot (newer ones were lost, or the broker keeps no metadata): back to the snapshot's offset;
    - none, and the record is the session's first: a new session;
    - none, and the session may have begun in what was not read (all of it was lost): back to its beginning, which
      the log's time index finds;
    - one of another version of the stage, which nobody here can read: as if there were none;
    - none, and all since its beginning was read: its first record never was there. The handler says so;
    - one that says that it had not begun: as if there were none, unless all since was read.
    """

    def __init__(self, handler: Handler[Any], store: SnapshotStore, standing: Standing, sessions: SessionTable) -> None:
        self._handler = handler
        self._store = store
        self._standing = standing
        self._sessions = sessions

    def restore(
        self, inputs: Sequence[Input[Any]], partitions: Mapping[Source, Partition], offset_at: OffsetAt
    ) -> Restored:
        """Opens every session that the inputs need and this process does not hold."""
        stored = self._load(inputs)
        result, blocked = Restored(), set[str]()
        for entry in inputs:
            if entry.source in result.rewind:
                continue
            if entry.key in blocked:
                result.waiting.append(entry)
                continue
            if not is_session_record(entry):
                result.fresh.append(entry)
                continue
            if entry.key not in self._sessions:
                # With its first record before us a session needs no store: all of it is in the log from here on.
                if stored is None and not _is_first(entry):
                    blocked.add(entry.key)
                    result.waiting.append(entry)
                    continue
                back = self._open(entry, (stored or {}).get(entry.key, ()), partitions[entry.source], offset_at)
                if back is not None:
                    result.rewind[entry.source] = back
                    continue
            session = self._sessions[entry.key]
            if entry.offset >= session.base:
                result.fresh.append(entry)
            else:
                (result.known if session.source == entry.source else result.misplaced).append(entry)
        # A partition is read again as a whole, so nothing of it may be handled now.
        for inputs_of in (result.fresh, result.known, result.misplaced, result.waiting):
            inputs_of[:] = [entry for entry in inputs_of if entry.source not in result.rewind]
        return result

    def _load(self, inputs: Sequence[Input[Any]]) -> Mapping[str, Sequence[Snapshot]] | None:
        """Returns what is stored of sessions that are not open; None while the store does not answer."""
        missing = {entry.key for entry in inputs if is_session_record(entry) and entry.key not in self._sessions}
        try:
            return self._store.load(sorted(missing), self._standing.epoch) if missing else {}
        except StoreError as error:
            log.warning("snapshots_not_loaded", sessions=len(missing), reason=str(error))
            if isinstance(error, StoreFencedError):
                self._standing.refused(error)
            return None

    def _open(
        self, entry: Input[Any], stored: Sequence[Snapshot], partition: Partition, offset_at: OffsetAt
    ) -> int | None:
        """Opens the record's session, or returns the offset from which the partition has to be read again for that."""
        snapshot = _newest(stored, partition.ledger.committed)
        back = _back(entry, snapshot, partition.read_from, offset_at)
        if back is not None:
            return back
        session = Session(entry.source, snapshot.version if snapshot else entry.offset)
        if snapshot:
            session.versions, session.over = [snapshot.version], snapshot.over
        try:
            self._handler.restore(entry.key, snapshot)
        except SnapshotUnreadableError as error:
            log.warning("snapshot_unreadable", session=entry.key, reason=str(error))
            return self._open(entry, (), partition, offset_at)
        self._sessions.open(entry.key, session)
        return None


def _back(entry: Input[Any], snapshot: Snapshot | None, read_from: int, offset_at: OffsetAt) -> int | None:
    """Returns the offset to read the partition again from, or None if the session can be opened."""
    if snapshot and snapshot.version >= read_from:
        return None
    if snapshot and snapshot.begun:
        return None if snapshot.over else snapshot.version
    started_ms = entry.record["session_started_at"]
    if _is_first(entry) or started_ms <= 0:
        return None
    beginning = offset_at(entry.source, max(started_ms - CLOCK_SKEW_MS, 0))
    return beginning if beginning < read_from else None


def _is_first(entry: Input[Any]) -> bool:
    return bool(entry.record["sequence"] == 0)


def is_session_record(entry: Input[Any]) -> bool:
    """Whether the record belongs to a session with state (transcripts do not: nlu keeps none)."""
    return "sequence" in entry.record


def _newest(snapshots: Sequence[Snapshot], committed: int) -> Snapshot | None:
    """Returns the newest snapshot that is not newer than the commit: what lies beyond may never have happened."""
    return max((s for s in snapshots if s.version <= committed), key=lambda s: s.version, default=None)
