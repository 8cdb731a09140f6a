"""Who a request comes from."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from josefine_gateway.access.credentials import Headers, presented, subprotocol
from josefine_gateway.access.errors import CredentialError
from josefine_gateway.access.key_source import FileKeys, KeySource, StoredKeys
from josefine_gateway.access.origin import is_loopback, require_local_host, require_own_page
from josefine_gateway.access.principal import Principal, anybody, bearer_of
from josefine_stage.errors import ConfigurationError
from josefine_state.api_keys import ApiKey, digest_of
from josefine_state.key_store import KeyStore
from josefine_state.line import Line

NOBODY: Final = ApiKey(id="nobody", hash="0" * 64, scopes=(), revoked=True)
"""What an unknown key is compared with, so that it takes the way of a known one. Nothing hashes to zeros."""


@dataclass(frozen=True, slots=True)
class Known:
    """A request whose sender is known."""

    principal: Principal
    subprotocol: str | None = None
    """What a WebSocket handshake has to be answered with."""


class Door(Protocol):
    """Says who a request comes from."""

    async def who(self, headers: Headers, *, websocket: bool = False) -> Known:
        """Returns who sent a request with these headers.

        Raises:
            CredentialError: there is no good key.
            ForeignPageError: a browser asks for a page of somebody else.
            KeysSilentError: keys cannot be looked up now.
        """


class LockedDoor:
    """Asks for a key."""

    def __init__(self, source: KeySource, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._source, self._now = source, now

    async def who(self, headers: Headers, *, websocket: bool = False) -> Known:
        found = presented(headers, websocket=websocket)
        if found is None:
            raise CredentialError("A key is missing: send 'Authorization: Token KEY'.")
        digest = digest_of(found.key)
        key = matching(digest, await self._source.find(digest))
        if key is None or not key.valid_at(self._now()):
            # One answer for all: who guesses keys learns nothing about those that expired.
            raise CredentialError("Invalid credentials.")
        return Known(bearer_of(key), found.subprotocol)


class OpenDoor:
    """Asks for nothing; a key that is sent all the same (deepgram-sdk always sends one) is not looked at."""

    def __init__(self, *, only_this_machine: bool) -> None:
        """`only_this_machine`: the server listens on a loopback address, and its name has to say so."""
        self._only_this_machine = only_this_machine

    async def who(self, headers: Headers, *, websocket: bool = False) -> Known:
        require_own_page(headers)
        if self._only_this_machine:
            require_local_host(headers)
        return Known(anybody(), subprotocol(headers, websocket=websocket))


def matching(digest: str, key: ApiKey | None) -> ApiKey | None:
    """Returns the key where it has the digest.

    The look-up goes by the digest of what was sent, which nobody can steer towards that of a key bit by bit; the
    comparison takes the same time wherever two digests differ, and is made for unknown keys as well.
    """
    candidate = key or NOBODY
    same = hmac.compare_digest(candidate.hash, digest)
    return candidate if same and candidate is not NOBODY else None


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Where keys are, and whether there may be none."""

    host: str
    """Address that the server listens on."""
    file: Path | None = None
    redis: Line | None = None
    """Keys are in Redis."""
    open_access: bool = False
    """Everyone may come in, wherever the server listens."""


def door(settings: KeySettings) -> Door:
    """Returns the server's door; called once, at start.

    Raises:
        ConfigurationError: the settings contradict each other, the file cannot be read, or a server that others reach
            would be open though nobody said so. Exit status 2.
    """
    places = [place for place in (settings.file, settings.redis) if place is not None]
    if len(places) + settings.open_access > 1:
        raise ConfigurationError("keys: name one of a file of keys, keys in Redis, and open access")
    if settings.file is not None:
        return LockedDoor(FileKeys(settings.file))
    if settings.redis is not None:
        return LockedDoor(StoredKeys(KeyStore(settings.redis)))
    if not settings.open_access and not is_loopback(settings.host):
        raise ConfigurationError(
            f"keys: the server would listen on {settings.host or 'every address'} without API keys: "
            "make one with `josefine keys create --file PATH` (or --redis URL), listen on 127.0.0.1, or say that "
            "access is open"
        )
    return OpenDoor(only_this_machine=not settings.open_access)
