"""Where a session's results wait for its connection, from the board's thread to the event loop."""

import asyncio
from contextlib import suppress
from typing import Any, Final, Self

from josefine_gateway.bus.board import ResultBoard

MOST_RECORDS: Final = 10_000
"""An interim a second and channel: hours. Who does not read for so long is cut off before by its own deadline."""


class InboxFullError(Exception):
    """The connection does not take its results."""


class Inbox:
    """Records of one session in the order in which they were read. Use as a context; one event loop."""

    def __init__(self, board: ResultBoard, session_id: str, most_records: int = MOST_RECORDS) -> None:
        """`most_records` may wait."""
        self._most: Final = most_records
        self._board: Final = board
        self._session_id: Final = session_id
        self._loop: Final = asyncio.get_running_loop()
        self._queue: Final[asyncio.Queue[tuple[str, Any]]] = asyncio.Queue()

    def __enter__(self) -> Self:
        self._listener = self._listen
        self._board.follow(self._session_id, self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        self._board.unfollow(self._session_id, self._listener)

    async def next(self) -> tuple[str, Any]:
        """Returns topic and record of the next one, waiting for it.

        Raises:
            InboxFullError: too many were waiting.
        """
        if self._queue.qsize() > self._most:
            raise InboxFullError
        return await self._queue.get()

    def _listen(self, topic: str, record: Any) -> None:
        with suppress(RuntimeError):  # the event loop has ended
            self._loop.call_soon_threadsafe(self._queue.put_nowait, (topic, record))
