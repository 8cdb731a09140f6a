"""The bytes of a request, within its limits: size, and the pace of who sends them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MOST_JSON_BYTES = 4 * 1024 * 1024
LEAST_BYTES_PER_S = 500
"""Less than any codec makes of speech: who sends more slowly holds a place and brings nothing."""


async def pieces(request: Request, most_bytes: int, pause_s: float) -> AsyncIterator[bytes]:
    """Yields the body as it comes.

    Raises:
        HTTPException: 413, it is too large; 408, nothing has come for `pause_s`, or it comes too slowly; 400, it broke
            off.
    """
    announced = request.headers.get("content-length", "")
    _require_room(int(announced) if announced.isdecimal() else 0, most_bytes)
    total, waited_s = 0, 0.0
    stream = request.stream()
    while True:
        begin_s = time.monotonic()
        try:
            # Only the sender's time counts: the reader waits for the log, at times for long.
            async with asyncio.timeout(min(pause_s, pause_s + total / LEAST_BYTES_PER_S - waited_s)):
                piece = await anext(stream, None)
        except TimeoutError as error:
            late = f"{total} bytes of the body came in {waited_s + time.monotonic() - begin_s:.0f} s, and then no more."
            raise HTTPException(408, late) from error
        except ClientDisconnect as error:
            raise HTTPException(400, "The body broke off.") from error
        if piece is None:
            return
        waited_s += time.monotonic() - begin_s
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
