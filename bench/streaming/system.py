"""What a load of live streams needs of a system: Josefine and its peers stand behind it alike.

All times are Unix times of this machine's clock: results are compared with the log's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bench.usage import Usage


@dataclass(frozen=True, slots=True)
class Interim:
    """Words that may still change."""

    session_id: str
    arrived_at_s: float
    text: str
    captured_at_s: float | None = None
    """When the last audio that it has heard was captured; None: the system does not say."""


@dataclass(frozen=True, slots=True)
class Final:
    """Words that will not change any more."""

    session_id: str
    arrived_at_s: float
    spoken_until_s: float | None = None
    """Where the last word of an utterance that an endpoint closed inside the session ends, in seconds of its audio;
    None: the system does not say, or the end of the session closed it.
    """


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes of a session."""

    session_id: str
    arrived_at_s: float
    text: str = ""
    error: str | None = None
    """Why the system did not serve it: a code of its own."""


Event = Interim | Final | Ended


class Client(Protocol):
    """One connection, or one a session, for any number of sessions side by side. One thread."""

    def open(self, session_id: str) -> None:
        """Begins a session, without waiting for the system's answer."""

    def send(self, session_id: str, samples: bytes, captured_at_s: float) -> None:
        """Sends linear16 at 16 kHz, which was complete at `captured_at_s`."""

    def end(self, session_id: str) -> None:
        """Says that nothing follows."""

    def poll(self, timeout_s: float) -> list[Event]:
        """Returns what is new, waiting at most `timeout_s` for the first."""

    def close(self) -> None:
        """Frees the connections; sessions that are open are left."""


class System(Protocol):
    """A server of live streams, on this machine. One thread."""

    @property
    def name(self) -> str:
        """As in the table."""

    @property
    def settings(self) -> str:
        """How it was set, and why, for the report."""

    def start(self) -> None:
        """Returns when it is ready.

        Raises:
            SystemFailedError: it cannot be had or started.
        """

    def stop(self) -> None:
        """Ends all its processes. A second call does nothing."""

    def connect(self) -> Client:
        """Returns a client of its own protocol."""

    def usage(self) -> Mapping[str, Usage]:
        """Returns what its processes have used, by role. Any thread."""


class SystemFailedError(Exception):
    """A system that cannot be had or started, or that died: one readable line."""
