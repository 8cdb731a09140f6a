"""How a live connection ends by what its tasks have met, or by what ingest makes of its chunks."""

from collections.abc import Iterator
from typing import Final

import structlog
from starlette.websockets import WebSocketDisconnect

from josefine_client.errors import SessionError
from josefine_gateway.listen import closing
from josefine_gateway.listen.closing import ClosingError, Farewell
from josefine_gateway.listen.inbox import InboxFullError
from josefine_gateway.listen.upload import UploadError
from josefine_wire.codec import WireError, decode
from josefine_wire.records import DeadLetter
from josefine_wire.topics import AUDIO_RAW

log = structlog.get_logger()
_REFUSED: Final = {
    "superseded": closing.SUPERSEDED,
    "unknown_session": closing.OVER,
    "after_end": closing.OVER,
}
"""What ingest's refusal of a chunk means to who wrote it."""


def refusal_of(letter: DeadLetter, producer_id: str) -> Farewell | None:
    """Returns how a producer's connection ends where this dead letter says that ingest refuses its chunks: another one
    has the session, or it is over. None: the letter says something else.
    """
    farewell = _REFUSED.get(letter["code"])
    if letter["topic"] != AUDIO_RAW or farewell is None or letter["value"] is None:
        return None
    try:
        chunk = decode(AUDIO_RAW, letter["value"])
    except WireError:
        return None  # not written by a gateway
    return farewell if chunk["producer_id"] == producer_id else None


def farewell_of(group: BaseExceptionGroup[BaseException]) -> Farewell:
    """Returns how a connection ends whose tasks found these: what one of them says, else what was met first."""
    found = list(_leaves(group))
    told = [error.farewell for error in found if isinstance(error, ClosingError)]
    return told[0] if told else _met(found[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _met(error: BaseException) -> Farewell:
    match error:
        case UploadError():
            return closing.BROKER
        case InboxFullError():
            return closing.SLOW_READER
        case SessionError():
            return closing.UNDECODABLE  # a packet that no record holds
        case WebSocketDisconnect():
            return closing.CUT  # met while it was told something
    log.error("live_session_failed", kind=type(error).__name__, exc_info=error)
    return closing.FAILED
