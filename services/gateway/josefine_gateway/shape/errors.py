"""Bodies of refusals."""

from http import HTTPStatus
from typing import Any

_CODES = {
    400: "Bad Request",
    401: "INVALID_AUTH",
    402: "ASR_PAYMENT_REQUIRED",
    403: "INSUFFICIENT_PERMISSIONS",
    413: "PAYLOAD_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
}
"""Deepgram's words where it has some; else HTTP's."""
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def legacy(status: int, message: str, request_id: str, *, code: str = "") -> dict[str, Any]:
    """Returns the body of a refusal of /v1/listen and /v2/listen. `code` goes before the status's usual one."""
    return {"err_code": code or _code(status), "err_msg": message, "request_id": request_id}


def openai(status: int, message: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Returns the body of a refusal of OpenAI's routes."""
    kind = _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _code(status: int) -> str:
    return _CODES.get(status) or HTTPStatus(status).phrase.upper().replace(" ", "_")
