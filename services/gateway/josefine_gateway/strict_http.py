"""h11, which refuses what two servers in a row may read as two different requests. Pure."""

from typing import Any, Final

import h11

HEADER_BYTES: Final = 16 * 1024
"""Of a request's line and headers together: a resume token and an API key have less than a thousand."""
_VERSIONS: Final = (b"1.0", b"1.1")


class StrictConnection(h11.Connection):
    """The server's side of a connection."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, HEADER_BYTES)
        self.refused_status = 400
        """What the request that made no sense is answered with."""

    def next_event(self) -> Any:
        """Returns what the client sent next.

        Raises:
            h11.RemoteProtocolError: no HTTP, or a request that others may read differently.
        """
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                _require_plain(event)
        except h11.RemoteProtocolError as error:
            self.refused_status = error.error_status_hint
            raise
        return event


def _require_plain(request: h11.Request) -> None:
    names = [name for name, _ in request.headers]
    if request.http_version not in _VERSIONS:
        raise h11.RemoteProtocolError("neither HTTP/1.0 nor HTTP/1.1", error_status_hint=505)
    if b"content-length" in names and b"transfer-encoding" in names:
        # RFC 9112, 6.1: one server goes by the one, another by the other, and the rest is a request of its own.
        raise h11.RemoteProtocolError("Content-Length and Transfer-Encoding")
    if b"upgrade" in names and (request.http_version == b"1.0" or b"content-length" in names):
        raise h11.RemoteProtocolError("an upgrade with a body, or of HTTP/1.0")
    # h11 limits only what is not complete yet: a request that comes in one piece may be of any length.
    if len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers) > HEADER_BYTES:
        raise h11.RemoteProtocolError("headers too large", error_status_hint=431)
