"""What a live session may be told beyond the server's options. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from josefine_client.errors import SessionError

Option = str | bool | int | float | Sequence[str]
PATH: Final = "/v1/listen"
SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
OWN_PARAMETERS: Final = ("resume", "sequence_id")
"""What the session itself says in the query."""
LATE_PINGS: Final = 3
"""With pings every 4 s a half-open connection is left within 20 s: sooner than the server gives its session up."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Limits and patience of one session."""

    buffer_bytes: int = 4 * 1024 * 1024
    """Audio that may wait for its acknowledgement before `send` waits: two minutes of linear16 at 16 kHz."""
    give_up_after_s: float = 30.0
    """Time without a connection after which the session is given up; the server keeps one for 30 s unless told."""
    first_delay_s: float = 0.25
    longest_delay_s: float = 5.0
    """Between two tries to connect; doubles from the first to the longest, less a random part."""
    end_patience_s: float = 60.0
    """Silence of the server after `end` after which it is not waited for: longer than a device takes to be replaced."""
    open_timeout_s: float = 10.0
    """For a handshake, and for the server's first word after it."""
    keep_alive_s: float = 4.0
    """Time without audio after which the server is told that more may come; it closes after 10 s."""
    ping_s: float = 4.0
    """Between two pings, and for a server to answer a close. A pong that is LATE_PINGS times as late is a cut."""
    unread_events: int = 10_000
    """Events that wait for the application; of more than these the interims, which are out of date, are forgotten."""

    @property
    def late_s(self) -> float:
        """Time that a pong, or the network with a frame, may take."""
        return self.ping_s * LATE_PINGS


@dataclass(frozen=True, slots=True)
class Address:
    """Where the gateway is and what it is asked."""

    url: str
    """`ws://host:port` (or wss, http, https), with a path in front of /v1/listen if there is one."""
    options: Mapping[str, Option] = field(default_factory=dict)
    """Query parameters: `{"encoding": "linear16", "sample_rate": 16000, "interim_results": True}`."""
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise SessionError(f"address {self.url!r}: must be ws://host:port or wss://host")
        if parts.query or parts.fragment:
            raise SessionError(f"address {self.url!r}: options belong into `options`")
        if own := [name for name in OWN_PARAMETERS if name in self.options]:
            raise SessionError(f"option {own[0]}: the session sets it itself")

    def with_parameters(self, parameters: Mapping[str, str]) -> str:
        """Returns the address of a connection that also says `parameters`."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/").removesuffix(PATH) + PATH
        query = [(name, text) for name, value in self.options.items() for text in _texts(value)]
        query += parameters.items()
        return urlunsplit((SCHEMES[parts.scheme], parts.netloc, path, urlencode(query), ""))

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the handshake."""
        return {} if self.api_key is None else {"Authorization": f"Token {self.api_key}"}


def _texts(value: Option) -> list[str]:
    """Returns an option as it is written in a query: once, or once for each of a list."""
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(value)] if isinstance(value, str | int | float) else [str(each) for each in value]
