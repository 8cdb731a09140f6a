"""What may go wrong with a URL that a client named, each with what the client is told."""

from typing import ClassVar


class OutwardError(Exception):
    """Base: the text says what the client can mend, and nothing about what else is in the network."""

    status: ClassVar[int] = 400
    """HTTP status of the refusal."""
    code: ClassVar[str] = "URL_REFUSED"
    """The `err_code` of the body."""

    def headers(self) -> dict[str, str]:
        """Returns headers that belong to the refusal: none."""
        return {}


class UrlRefusedError(OutwardError):
    """The server does not connect there."""


class UnreachableError(OutwardError):
    """The server tried, and nothing good came back: no such name, no connection, a status of error, too slow."""

    code = "REMOTE_CONTENT_ERROR"


class TooLargeError(OutwardError):
    """More bytes than the server takes."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"
