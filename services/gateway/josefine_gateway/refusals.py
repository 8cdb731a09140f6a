"""What a client is told when something is not done: one place from errors to statuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from starlette.exceptions import HTTPException

from josefine_client.errors import BrokerTroubleError, SessionError
from josefine_gateway.access.errors import AccessError, RetryLaterError
from josefine_gateway.listen.opening import ContestedError, GoneError
from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.recorded import CallerGoneError, NoResultError
from josefine_gateway.listen.upload import UploadError
from josefine_gateway.outward.errors import OutwardError
from josefine_wire.records import Error

RETRY_S = 5
CLIENT_CLOSED = 499
"""Nobody reads it; the log and the metrics do."""
_BY_CODE = {"session_too_long": 413, "audio_too_large": 413, "over_capacity": 429, "replay_cut_off": 400}
"""Of the pipeline's errors; the others are audio that cannot be decoded."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no result."""

    status: int
    message: str
    code: str = ""
    """The protocol's err_code where it is not the usual one of the status."""
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def draining() -> RetryLaterError:
    """Returns the refusal of a replica that is about to end."""
    return RetryLaterError("This replica is about to end; another one takes you.", 1.0)


def refusal_of(error: Exception) -> Refusal:  # noqa: PLR0911 - a table, one line a kind of error
    """Returns what the client is told of an error; one that nobody expected is logged and told as 500."""
    match error:
        case AccessError() | OutwardError():
            headers = error.headers() if isinstance(error, AccessError) else {}
            return Refusal(error.status, str(error), error.code, headers=headers)
        case OptionError():
            return Refusal(400, str(error), param=error.name)
        case SessionError():
            return Refusal(400, str(error))
        case GoneError():
            return Refusal(410, "The session is not in the log any more.", "SESSION_GONE")
        case ContestedError():
            return Refusal(409, "Other connections go on with this session.", "SESSION_CONTESTED")
        case UploadError() | BrokerTroubleError():
            return Refusal(503, "The log does not take audio at the moment.", headers=_later())
        case NoResultError():
            return Refusal(504, f"The pipeline does not answer: {error}.")
        case CallerGoneError():
            return Refusal(CLIENT_CLOSED, "The client has left.")
        case HTTPException():
            return Refusal(error.status_code, str(error.detail), headers=error.headers or {})
    log.error("request_failed", kind=type(error).__name__, exc_info=error)
    return Refusal(500, "Internal error.")


def refusal_of_result(error: Error) -> Refusal:
    """Returns what the client is told where the pipeline could not hear a recording."""
    code = error["code"]
    status = _BY_CODE.get(code, 400)
    told = f"Bad Request: failed to process audio: {error['message']}" if status == 400 else error["message"]
    return Refusal(status, told, headers=_later() if status == 429 else {})


def _later() -> dict[str, str]:
    return {"retry-after": str(RETRY_S)}
