"""What a connection is to be told, on its way to a client that may be slow."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from josefine_gateway.listen.closing import SLOW_READER, ClosingError

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of messages that wait: hours of finals. Beyond it the client is gone, as far as we can tell."""
PLENTY_BYTES: Final = MOST_BYTES // 2
"""Where so much waits, who could tell more at once waits too: what comes meanwhile has the other half."""


class Outbox:
    """Messages in order. One event loop."""

    def __init__(self, send: Callable[[str], Awaitable[None]], slow_reader_s: float | None) -> None:
        """`slow_reader_s`: how long one message may take; None: as long as it takes."""
        self._send: Final = send
        self._slow_reader_s: Final = slow_reader_s
        self._texts: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._waiting = 0

    def put(self, message: Mapping[str, Any]) -> None:
        """Takes a message.

        Raises:
            ClosingError: too many wait.
        """
        text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        self._waiting += len(text)
        if self._waiting > MOST_BYTES:
            raise ClosingError(SLOW_READER)
        self._texts.append(text)
        self._arrived.set()

    async def run(self) -> None:
        """Sends messages as they come.

        Raises:
            ClosingError: one was not taken in time.
        """
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await self.drain()

    async def room(self) -> None:
        """Returns once less than PLENTY_BYTES wait. While `run` runs, which ends where the client takes nothing."""
        while self._waiting >= PLENTY_BYTES:
            self._taken.clear()
            await self._taken.wait()

    async def drain(self) -> None:
        """Returns when all messages are sent. Not while `run` runs.

        Raises:
            ClosingError: one was not taken in time.
        """
        while self._texts:
            # Taken away when it is sent: where `run` is cancelled in the middle, `drain` goes on with it.
            await self._send_one(self._texts[0])
            self._waiting -= len(self._texts.popleft())
            self._taken.set()

    async def _send_one(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._slow_reader_s):
                await self._send(text)
        except TimeoutError as error:
            raise ClosingError(SLOW_READER) from error
