"""Where a request carries its key. Pure.

| place | form |
|---|---|
| `Authorization` | `Token KEY` or `Bearer KEY`, the scheme in any case |
| `Sec-WebSocket-Protocol`, only at a WebSocket | `token, KEY` or `bearer, KEY`: browsers cannot set the other |

Never the query: it stands in the logs of every proxy. A request that names keys at two places is refused instead of
guessed at, and so is one that repeats a header: two servers in a row might each read another one of them (RFC 9110,
5.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from josefine_gateway.access.errors import CredentialError

Headers = Sequence[tuple[bytes, bytes]]
"""As ASGI gives them: names in lower case, repeated ones apart."""

MOST_CHARACTERS: Final = 512
"""Twelve times a key's length: room for keys of another make; what is longer is no key."""
_KEY: Final = re.compile(r"[!-~]+")
_SCHEMES: Final = ("token", "bearer")


@dataclass(frozen=True, slots=True)
class Presented:
    """A key as it came in."""

    key: str = field(repr=False)
    subprotocol: str | None = None
    """What the WebSocket handshake has to be answered with."""


def presented(headers: Headers, *, websocket: bool) -> Presented | None:
    """Returns the key of a request; None where it carries none.

    Raises:
        CredentialError: a key is malformed, repeated, or stands at a wrong place.
    """
    in_header, in_subprotocol = _authorization(headers), _subprotocol(headers, websocket=websocket)
    if in_header and in_subprotocol:
        raise CredentialError("The request carries several keys.")
    return in_header or in_subprotocol


def subprotocol(headers: Headers, *, websocket: bool) -> str | None:
    """Returns what a handshake has to be answered with, whatever the key is worth.

    Raises:
        CredentialError: a key in the subprotocol is malformed or repeated.
    """
    found = _subprotocol(headers, websocket=websocket)
    return found.subprotocol if found else None


def _authorization(headers: Headers) -> Presented | None:
    value = _only(headers, "authorization")
    if value is None:
        return None
    scheme, space, key = value.partition(" ")
    if not space or scheme.lower() not in _SCHEMES:
        raise CredentialError("Authorization must be 'Token KEY' or 'Bearer KEY'.")
    return Presented(_key(key.strip(" ")))


def _subprotocol(headers: Headers, *, websocket: bool) -> Presented | None:
    value = _only(headers, "sec-websocket-protocol")
    if value is None:
        return None
    scheme, *rest = [part.strip(" \t") for part in value.split(",")]
    if scheme.lower() not in _SCHEMES:
        # Another subprotocol: none of ours, and the handshake is answered without.
        return None
    if not websocket or len(rest) != 1:
        raise CredentialError("Sec-WebSocket-Protocol must be 'token, KEY', and only at a WebSocket.")
    return Presented(_key(rest[0]), subprotocol=scheme)


def _only(headers: Headers, name: str) -> str | None:
    values = [value for key, value in headers if key == name.encode()]
    if len(values) > 1:
        raise CredentialError(f"The header {name} is there {len(values)} times.")
    return values[0].decode("latin-1") if values else None


def _key(text: str) -> str:
    if len(text) > MOST_CHARACTERS or not _KEY.fullmatch(text):
        raise CredentialError("The key is malformed.")
    return text
