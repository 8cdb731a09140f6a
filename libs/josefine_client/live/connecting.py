"""How a connection is made and what its failures mean; what the sync and the async session share."""

import logging
import ssl
from typing import Any, Final

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from josefine_client.live.errors import CertificateError
from josefine_client.live.resumption import Resumption
from josefine_client.live.settings import Address, LiveSettings

CUT_OFF: Final = 1006
"""RFC 6455, section 7.4.1: there was no close frame."""


def connect_arguments(address: Address, settings: LiveSettings, context: ssl.SSLContext | None) -> dict[str, Any]:
    """Returns what `websockets`' connect is told, sync and async alike. Proxies are those of the environment."""
    arguments: dict[str, Any] = {
        "additional_headers": address.headers,
        "compression": None,  # Audio does not get smaller by it, only slower.
        "open_timeout": settings.open_timeout_s,
        "close_timeout": settings.ping_s,  # It is also waited for after a late pong, before the cut is told.
        "ping_interval": settings.ping_s,
        "ping_timeout": settings.late_s,
        # At DEBUG websockets writes frames, with audio and text in them, so its logger is one that nobody can turn on.
        "logger": logging.Logger("josefine_client.live", logging.ERROR),  # noqa: LOG001
    }
    return arguments if context is None else {**arguments, "ssl": context}


TROUBLE: Final = (OSError, InvalidHandshake, ConnectionClosed)
"""What ends a connection or prevents it. TimeoutError and the errors of TLS are OSErrors."""


def report(error: BaseException, core: Resumption, now_s: float) -> None:
    """Tells a session what ended its connection, or prevented it: one of TROUBLE."""
    match error:
        case ConnectionClosed():
            close = error.rcvd
            core.closed(close.code if close else CUT_OFF, close.reason if close else "", now_s)
        case InvalidStatus():
            answer = error.response
            core.refused(answer.status_code, bytes(answer.body or b""), answer.headers.get("Retry-After", ""), now_s)
        case ssl.SSLCertVerificationError():
            core.fail(CertificateError(f"the server's certificate: {error.verify_message}"))
        case _:
            core.cut(str(error) or type(error).__name__, now_s)
