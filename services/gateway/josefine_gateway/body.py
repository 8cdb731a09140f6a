"""The bytes of a request, within its limits: size, and the pace of who sends them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MOST_JSON_BYTES = 4 * 1024 * 1024


async def pieces(request: Request, most_bytes: int, pause_s: float) -> AsyncIterator[bytes]:
    """Yields the body as it comes.

    Raises:
        HTTPException: 413, it is too large; 408, nothing has come for `pause_s`; 400, it broke off.
    """
    announced = request.headers.get("content-length", "")
    _require_room(int(announced) if announced.isdecimal() else 0, most_bytes)
    total = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(pause_s):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise HTTPException(408, f"No more of the body has come for {pause_s:.0f} s.") from error
        except ClientDisconnect as error:
            raise HTTPException(400, "The body broke off.") from error
        if piece is None:
            return
        total += len(piece)
        _require_room(total, most_bytes)
        if piece:
            yield piece


async def json_object(request: Request, pause_s: float) -> dict[str, Any]:
    """Returns the JSON object of a body.

    Raises:
        HTTPException: as `pieces`; 400, it is none.
    """
    body = b"".join([piece async for piece in pieces(request, MOST_JSON_BYTES, pause_s)])
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body is no JSON.") from error
    if not isinstance(content, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return content


def is_json(request: Request) -> bool:
    """Returns whether the body says that it is JSON; whatever says something else is audio."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _require_room(total: int, most_bytes: int) -> None:
    if total > most_bytes:
        raise HTTPException(413, f"The body is larger than {most_bytes} bytes.")
