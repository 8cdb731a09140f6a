"""Whether a browser asks for a page of somebody else. Pure.

A browser lets any page open a WebSocket to, or post a form to, any server that it reaches. Where being on this machine
opens the door, the page has to be looked at: its `Origin` (RFC 6454) must be this server, or one on the machine itself.
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from josefine_gateway.access.credentials import Headers
from josefine_gateway.access.errors import ForeignPageError

_LOCAL: Final = "localhost"


def is_loopback(host: str) -> bool:
    """Returns whether a host name or an address means this machine and nothing else."""
    name = host.strip("[]").rstrip(".").lower()
    if name == _LOCAL or name.endswith(f".{_LOCAL}"):
        # RFC 6761, 6.3: such names never leave the machine.
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def require_own_page(headers: Headers) -> None:
    """Returns where no browser is at work, or one that shows a page of this server or of this machine.

    Raises:
        ForeignPageError: the page is of somebody else.
    """
    for origin in _values(headers, b"origin"):
        page = _hostname(origin)
        if not is_loopback(page) and page not in {_hostname(f"//{host}") for host in _values(headers, b"host")}:
            raise ForeignPageError("This page may not use the server in the name of its visitor.")


def require_local_host(headers: Headers) -> None:
    """Returns where the request calls this machine by a name that means it.

    A page whose own host name was made to point to 127.0.0.1 (DNS rebinding) has the right Origin, but its own name in
    `Host`.

    Raises:
        ForeignPageError: it calls it otherwise.
    """
    for host in _values(headers, b"host"):
        if not is_loopback(_hostname(f"//{host}")):
            raise ForeignPageError(
                "Without API keys this server is only for its own machine, by the name localhost or an address."
            )


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
