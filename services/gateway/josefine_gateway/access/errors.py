"""Refusals, each with what the client is told: a status, a code of Deepgram's kind, one sentence."""

import math
from typing import ClassVar


class AccessError(Exception):
    """Base: the request or the handshake is refused; the text may be shown to the client."""

    status: ClassVar[int] = 403
    """HTTP status."""
    code: ClassVar[str] = "FORBIDDEN"
    """The `err_code` of the body."""

    def headers(self) -> dict[str, str]:
        """Returns headers that belong to the refusal."""
        return {}


class CredentialError(AccessError):
    """No key, one that opens nothing, or one that stands where none may stand."""

    status = 401
    code = "INVALID_AUTH"

    def headers(self) -> dict[str, str]:
        # RFC 9110, 11.6.1: a 401 names the scheme.
        return {"www-authenticate": "Token"}


class ScopeError(AccessError):
    """The key is good, but not for this."""

    code = "INSUFFICIENT_PERMISSIONS"


class ForeignPageError(AccessError):
    """A browser sent the request for a page of somebody else, with what this browser is trusted for."""

    code = "FOREIGN_ORIGIN"


class RetryLaterError(AccessError):
    """The same request is right a little later."""

    status = 503
    code = "SERVICE_UNAVAILABLE"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def headers(self) -> dict[str, str]:
        return {"retry-after": str(max(1, math.ceil(self.retry_after_s)))}


class LimitError(RetryLaterError):
    """The key has had what it may have at a time."""

    status = 429
    code = "TOO_MANY_REQUESTS"


class FullError(RetryLaterError):
    """This replica has all the work that it takes; another may have room."""


class KeysSilentError(RetryLaterError):
    """Whether the key is good cannot be asked now."""


class ResumeRefusedError(AccessError):
    """A resume token is not taken; the session has to begin anew."""

    status = 400
    code = "RESUME_REFUSED"


class TokenWrongError(ResumeRefusedError):
    """No token of this service, or not as it was issued."""


class TokenExpiredError(ResumeRefusedError):
    """Its time is over."""


class TokenOfAnotherKeyError(ResumeRefusedError):
    """Issued to another API key."""
