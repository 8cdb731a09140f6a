"""Where a request carries its key. Pure.

| place | form |
|---|---|
| `Authorization` | `Token KEY` or `Bearer KEY`, the scheme in any case |
| `Sec-WebSocket-Protocol`, only at a WebSocket | `token, KEY` or `bearer, KEY`: browsers cannot set the other |
| a cookie, only where the caller allows it | its value |

Never the query: it stands in the logs of every proxy. A request that names keys at two places is refused instead of
guessed at, and so is one that repeats a header: two servers in a row might each read another one of them (RFC 9110,
5.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
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
    by_cookie: bool = False
    """The browser added it by itself, whoever's page asked."""


def presented(headers: Headers, *, websocket: bool, cookie: str | None = None) -> Presented | None:
    """Returns the key of a request; None where it carries none.

    `cookie` is the name of the cookie that may hold one; None: cookies are not looked at.

    Raises:
        CredentialError: a key is malformed, repeated, or stands at a wrong place.
    """
    found = [
        key
        for key in (_authorization(headers), _subprotocol(headers, websocket=websocket), _cookie(headers, cookie))
        if key is not None
    ]
    explicit = [key for key in found if not key.by_cookie]
    if len(explicit) > 1:
        raise CredentialError("The request carries several keys.")
    # A page of the console may send a key in spite of the cookie of an earlier one.
    return next(iter(explicit or found), None)


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


def _cookie(headers: Headers, name: str | None) -> Presented | None:
    if name is None:
        return None
    try:
        jars = [SimpleCookie(_text(value)) for key, value in headers if key == b"cookie"]
    except CookieError:
        return None
    values = [jar[name].value for jar in jars if name in jar]
    if len(values) > 1:
        raise CredentialError(f"The cookie {name} is there {len(values)} times.")
    return Presented(_key(values[0]), by_cookie=True) if values else None


def _only(headers: Headers, name: str) -> str | None:
    values = [value for key, value in headers if key == name.encode()]
    if len(values) > 1:
        raise CredentialError(f"The header {name} is there {len(values)} times.")
    return _text(values[0]) if values else None


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _key(text: str) -> str:
    if len(text) > MOST_CHARACTERS or not _KEY.fullmatch(text):
        raise CredentialError("The key is malformed.")
    return text
