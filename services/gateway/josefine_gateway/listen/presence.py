"""Whether the client of a handshake that takes a while is still there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.websockets import WebSocket


@asynccontextmanager
async def presence(websocket: WebSocket) -> AsyncIterator[Callable[[], bool]]:
    """Gives that answer; before the handshake is accepted or refused, and only once.

    A client sends nothing before it has its answer, so what comes is its leaving.
    """
    await websocket.receive()  # the protocol's websocket.connect
    leaving = asyncio.ensure_future(websocket.receive())
    try:
        yield lambda: not leaving.done()
    finally:
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
