"""Stored states of sessions.

An open session's snapshot is always older than its last record, so that a restart reads at least one record of it
and knows that it is there: without that, a session whose producer fell silent during the restart would never end.
"""

from dataclasses import asdict, fields
from typing import Any, Final

import msgpack

from josefine_ingest.limits import IngestLimits
from josefine_ingest.session import Phase, Session
from josefine_stage.errors import SnapshotUnreadableError
from josefine_stage.handler import Snapshot
from josefine_wire.succession import Succession

_FORMAT: Final = 1


def take(session: Session, first_offset: int, last_offset: int) -> Snapshot | None:
    """Returns the session's present state after the record at `last_offset`.

    Decoders of containers and of Opus cannot be stored: their session is replayed from `first_offset`.
    """
    if session.phase is Phase.NEW:
        return None
    state: dict[str, Any] = {
        "format": _FORMAT,
        **asdict(session.succession),
    }
    if session.stream is None:
        return Snapshot(last_offset + 1, msgpack.packb(state), over=True)
    if not session.storable:
        return Snapshot(first_offset, b"")
    state |= {
        "session_started_at": session.writer.session_started_at,
        "frame_sequence": session.writer.sequence,
        "first_timestamp_ms": session.first_timestamp_ms,
        "last_captured_at_us": session.last_captured_at_us,
        "start": session.start,
        "stream": session.stream.state(),
    }
    return Snapshot(last_offset + 1, msgpack.packb(state))


def never_begun(last_offset: int) -> Snapshot:
    """Returns that records up to the one at `last_offset` have left nothing: they were refused, no session began."""
    return Snapshot(last_offset + 1, b"", over=True)


def restored(key: str, limits: IngestLimits, snapshot: Snapshot | None) -> Session:
    """Returns the session as it was stored; a new one where nothing is stored or it has to be replayed.

    Raises:
        SnapshotUnreadableError: the state is of another format.
    """
    session = Session(key, limits)
    if snapshot is None or not snapshot.state:
        return session
    state = msgpack.unpackb(snapshot.state)
    if state.get("format") != _FORMAT:
        raise SnapshotUnreadableError(f"session state of format {state.get('format')}, this version reads {_FORMAT}")
    if "stream" in state:
        session.open_stream(state["start"])
        if session.stream is not None:
            session.stream.restore(state["stream"])
        session.writer.session_started_at = state["session_started_at"]
        session.writer.sequence = state["frame_sequence"]
        session.writer.config = state["start"]["config"]
        session.first_timestamp_ms = state["first_timestamp_ms"]
        session.last_captured_at_us = state["last_captured_at_us"]
    else:
        session.phase = Phase.ENDED
    session.succession = _succession(state)
    return session


def _succession(state: dict[str, Any]) -> Succession:
    """Returns who writes the session and how far; versions before there were takeovers stored the first two only."""
    known = {field.name: state[field.name] for field in fields(Succession) if field.name in state}
    return Succession(**{"ended": "stream" not in state, **known})


class SnapshotKeeper:
    """Holds a session's snapshots back until a later record has come."""

    def __init__(self) -> None:
        self._settled: Snapshot | None = None
        self._fresh: Snapshot | None = None
        self.wanted = True
        """Whether a state should be taken when the session next stands between two records."""

    def put(self, snapshot: Snapshot | None) -> None:
        """Takes the present state."""
        self._fresh = snapshot
        self.wanted = False

    def newest(self, last_offset: int) -> Snapshot | None:
        """Returns the newest snapshot that is older than the record at `last_offset`, and asks for another."""
        if self._fresh is not None and (self._fresh.over or self._fresh.version <= last_offset):
            self._settled = self._fresh
            self.wanted = not self._fresh.over
        elif self._fresh is None:
            self.wanted = True
        return self._settled
