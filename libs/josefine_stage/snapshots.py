"""Storing the sessions' snapshots every few seconds. A store that fails costs a longer replay, not the session."""

from collections.abc import Callable, Iterable
from typing import Any

import structlog

from josefine_stage.clock import Clock
from josefine_stage.errors import BrokerError, StoreError
from josefine_stage.handler import Handler, Source
from josefine_stage.metrics import StageMetrics
from josefine_stage.ports import LooseWriter, SnapshotStore
from josefine_stage.sessions import SessionTable

FLUSH_S = 5.0
SWEEP_S = 1.0
log = structlog.get_logger()


class Snapshots:
    """Takes snapshots of the sessions that changed."""

    def __init__(
        self,
        handler: Handler[Any],
        store: SnapshotStore,
        loose: LooseWriter,
        sessions: SessionTable,
        interval_s: float,
        clock: Clock,
        metrics: StageMetrics,
    ) -> None:
        self._handler = handler
        self._store = store
        self._loose = loose
        self._sessions = sessions
        self._interval_s = interval_s
        self._clock = clock
        self._metrics = metrics
        self._swept_at_s = clock.monotonic_s()

    def sweep_if_due(self, committed: Callable[[Source], int]) -> None:
        """Stores what is due; `committed` gives a partition's committed offset."""
        now_s = self._clock.monotonic_s()
        if now_s - self._swept_at_s < min(SWEEP_S, self._interval_s):
            return
        self._swept_at_s = now_s
        due = (
            key
            for key, session in self._sessions.items()
            if session.touched and now_s - session.snapshot_at_s >= self._interval_s
        )
        self.take(due, committed)

    def take(self, keys: Iterable[str], committed: Callable[[Source], int]) -> None:
        """Stores the newest snapshots of sessions, where they are newer than the stored ones."""
        taken = {}
        for key in keys:
            session, snapshot = self._sessions[key], self._handler.snapshot(key)
            session.snapshot_at_s = self._clock.monotonic_s()
            if snapshot is not None and (not session.versions or snapshot.version > session.versions[-1]):
                taken[key] = snapshot
        if not taken:
            return
        offsets = {key: committed(self._sessions[key].source) for key in taken}
        try:
            if any(snapshot.over for snapshot in taken.values()):
                # An end by time-out must be in the log before its tombstone says that it was written.
                self._loose.flush(FLUSH_S)
            self._store.save(
                taken, {key: self._sessions[key].rebuildable_from(offset) for key, offset in offsets.items()}
            )
        except (StoreError, BrokerError) as error:
            self._metrics.snapshot_failures.inc()
            log.warning("snapshots_not_stored", sessions=len(taken), reason=str(error))
            return
        self._metrics.snapshots.inc(len(taken))
        for key, snapshot in taken.items():
            session = self._sessions[key]
            session.stored(snapshot.version, offsets[key])
            session.over, session.touched = snapshot.over, False
