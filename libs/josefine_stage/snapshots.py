"""Storing the sessions' snapshots every few seconds. A store that fails costs a longer replay, not the session."""

from collections.abc import Iterable
from typing import Any

import structlog

from josefine_stage.books import Books
from josefine_stage.clock import Clock
from josefine_stage.errors import StoreError, StoreFencedError
from josefine_stage.handler import Handler
from josefine_stage.metrics import StageMetrics
from josefine_stage.ports import SnapshotStore
from josefine_stage.sessions import Session, SessionTable
from josefine_stage.standing import Standing

SWEEP_S = 1.0
log = structlog.get_logger()


class Snapshots:
    """Takes snapshots of the sessions that changed."""

    def __init__(
        self,
        handler: Handler[Any],
        store: SnapshotStore,
        standing: Standing,
        books: Books,
        sessions: SessionTable,
        interval_s: float,
        clock: Clock,
        metrics: StageMetrics,
    ) -> None:
        self._handler = handler
        self._store = store
        self._standing = standing
        self._books = books
        self._sessions = sessions
        self._interval_s = interval_s
        self._clock = clock
        self._metrics = metrics
        self._swept_at_s = clock.monotonic_s()

    def sweep_if_due(self) -> None:
        """Stores what is due, while no unit of work is open: the end of a session that ended by itself has to be in
        the log before its snapshot says so.
        """
        now_s = self._clock.monotonic_s()
        if now_s - self._swept_at_s < min(SWEEP_S, self._interval_s):
            return
        self._swept_at_s = now_s
        due = (
            key
            for key, session in self._sessions.items()
            if session.touched and now_s - session.snapshot_at_s >= self._interval_s
        )
        self.take(due)

    def take(self, keys: Iterable[str]) -> None:
        """Stores the newest snapshots of sessions, where they are newer than the stored ones.

        A session whose results wait for a place in a commit has told what is not in the log, so it is left out. An end
        is stored when the commit has passed it, alone: it stays for a day, so that a late record is known for what it
        is, and until then a restart would need the states before it.
        """
        taken, not_written = {}, self._books.not_written()
        for key in keys:
            if key in not_written:
                continue
            session, snapshot = self._sessions[key], self._handler.snapshot(key)
            if snapshot is not None and snapshot.over and snapshot.version > self._books.offset(session.source):
                continue
            session.snapshot_at_s = self._clock.monotonic_s()
            if snapshot is not None and (not session.versions or snapshot.version > session.versions[-1]):
                taken[key] = snapshot
            else:
                session.touched = False
        if not taken:
            return
        needed = {key: self._needed(self._sessions[key], snapshot.version) for key, snapshot in taken.items()}
        try:
            self._store.save(taken, {key: versions[0] for key, versions in needed.items()}, self._standing.epoch)
        except StoreError as error:
            self._metrics.snapshot_failures.inc()
            log.warning("snapshots_not_stored", sessions=len(taken), reason=str(error))
            if isinstance(error, StoreFencedError):
                self._standing.refused(error)
            return
        self._metrics.snapshots.inc(len(taken))
        for key, snapshot in taken.items():
            self._sessions[key].stored(needed[key], over=snapshot.over)

    def _needed(self, session: Session, version: int) -> list[int]:
        return session.needed_with(version, self._books.offset(session.source))
