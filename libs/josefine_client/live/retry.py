"""When to connect again, and when not to. Pure.

Delays are exponential with full jitter ("Exponential Backoff and Jitter", AWS Architecture Blog, 2015): clients whose
server restarts do not come back in the same instant.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from josefine_client.live.errors import (
    AudioRefusedError,
    ClosedError,
    LiveError,
    RefusedError,
    SupersededError,
)
from josefine_client.live.settings import LiveSettings

SERVICE_RESTART: Final = 1012
POLICY: Final = 1008
PERMANENT_CLOSES: Final = {
    1002: "protocol error",
    1003: "unsupported kind of message",
    1007: "invalid message",
    POLICY: "policy",
    1009: "message too big",
}
"""RFC 6455, section 7.4.1: the same messages would meet the same end."""
SLOW_READER: Final = "slow reader"
"""Reason of a policy close that a new connection mends: the network did not take results in time."""
OVER_CAPACITY: Final = "over_capacity"
"""Reason of a close after which the session is over, whatever its code says of trying again."""
TRY_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, 425, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals of the 4xx that pass with time; all others of them do not."""
MENDS: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "mend the options, or begin a new session",
    HTTPStatus.UNAUTHORIZED: "check the API key",
    HTTPStatus.FORBIDDEN: "ask for a key that may do this",
    HTTPStatus.NOT_FOUND: "check the address",
    HTTPStatus.GONE: "the session is over: begin a new one",
}


@dataclass(slots=True)
class Retry:
    """The tries since the last connection."""

    settings: LiveSettings
    random: Callable[[], float]
    """Gives numbers from 0 to 1."""
    since_s: float
    """When the last good connection was cut; at first, when the session began."""
    attempts: int = 0
    due_s: float = 0.0
    """When the next try is to be made."""

    def plan(self, now_s: float, *, at_once: bool, not_before_s: float) -> bool:
        """Sets the next try; returns whether there is one before the patience ends.

        Args:
            now_s: the present.
            at_once: the server asks to come back at once; only the first try may, a second has to wait.
            not_before_s: what the server asks to wait at least, from now.
        """
        deadline_s = self.since_s + self.settings.give_up_after_s
        ceiling_s = min(self.settings.longest_delay_s, self.settings.first_delay_s * 2 ** min(self.attempts, 20))
        delay_s = 0.0 if at_once and self.attempts == 0 else self.random() * ceiling_s
        self.due_s = max(min(now_s + delay_s, deadline_s), now_s + not_before_s)
        self.attempts += 1
        return now_s < deadline_s and self.due_s <= deadline_s


def refused_handshake(status: int, body: bytes) -> LiveError | None:
    """Returns why a handshake that was answered with `status` need not be tried again, None where it should."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TRY_AGAIN:
        return None
    mend = MENDS.get(status)
    return RefusedError(f"{_said(body) or 'the server refuses'} (HTTP {status}){f': {mend}' if mend else ''}", status)


def closed_for_good(code: int, reason: str) -> LiveError | None:
    """Returns why a connection that was closed so need not be tried again, None where it should."""
    if reason.startswith(OVER_CAPACITY):
        return ClosedError("the server has no room for another live session: begin a new one later")
    if code not in PERMANENT_CLOSES or reason.startswith(SLOW_READER):
        return None
    if code == POLICY and reason.startswith("superseded"):
        return SupersededError("another connection took this session over")
    if code == POLICY and reason.startswith("DATA-0000"):
        return AudioRefusedError(f"the audio cannot be decoded ({reason}): check encoding, sample_rate and channels")
    return ClosedError(f"the server closed the connection: {reason or PERMANENT_CLOSES[code]} (code {code})")


def _said(body: bytes) -> str:
    """Returns the server's own words, on one line."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    said = (answer.get("err_msg") or answer.get("message")) if isinstance(answer, dict) else None
    return " ".join(str(said).split()) if said else ""
