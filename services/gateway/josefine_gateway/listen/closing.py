"""Why a live connection ends, and what its client is told by the close frame."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Farewell:
    """The close frame. Compared by identity: two ends may look the same to the client."""

    code: int
    reason: str
    end_session: bool
    """Whether the session ends with its connection; else it waits for its client (ADR 16)."""


DONE = Farewell(1000, "", end_session=True)
LEFT = Farewell(1000, "", end_session=True)
"""The client sent a close frame: the same as CloseStream, but nobody listens any more."""
CUT = Farewell(1006, "", end_session=False)
"""The connection broke: no close frame reaches anybody."""
SUPERSEDED = Farewell(1008, "superseded", end_session=False)
UNDECODABLE = Farewell(1008, "DATA-0000", end_session=True)
SILENT = Farewell(1011, "NET-0001", end_session=True)
QUIET = Farewell(1011, "NET-0001", end_session=False)
"""Silence of a client that can resume: a line that takes everything and brings nothing looks like it."""
OVER = Farewell(1008, "over: the session ended before this audio came", end_session=False)
STALLED = Farewell(1011, "NET-0000", end_session=True)
"""The pipeline says nothing more of a session that its client has ended."""
BROKER = Farewell(1011, "resume: the log does not take audio", end_session=False)
FAILED = Farewell(1011, "resume: internal error", end_session=False)
DRAINING = Farewell(1012, "resume", end_session=False)
BUSY = Farewell(1013, "over_capacity", end_session=True)
SLOW_READER = Farewell(1008, "slow reader: results were not taken in time", end_session=False)


LEFT_CODES = frozenset({1000, 1001, 1005})
"""Of close frames with which a client ends its session; 1005: it named none."""


class ClosingError(Exception):
    """Ends a connection from whatever part of it finds out first."""

    def __init__(self, farewell: Farewell) -> None:
        super().__init__(farewell.reason or str(farewell.code))
        self.farewell = farewell
