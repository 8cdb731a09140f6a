"""Results to the URLs that clients named: in order, again where it failed, with a signature."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

import httpx
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from josefine_gateway.outward.allow_list import AllowList
from josefine_gateway.outward.errors import OutwardError, UnreachableError
from josefine_gateway.outward.signature import HEADER, signature
from josefine_gateway.outward.transport import CheckedTransport, client

Method = Literal["POST", "PUT", "GET", "DELETE"]
"""Recordings: POST and PUT. Live sessions: all of them."""

_BUSY: Final = frozenset({408, 425, 429})
"""Statuses below 500 that another try may change."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the results of one request go."""

    url: str = field(repr=False)
    """May hold what only its owner is to know: never in a log."""
    request_id: str
    method: Method = "POST"
    secret: str | None = field(default=None, repr=False)
    """Signs every message; None: no signature."""


@dataclass(frozen=True, slots=True)
class CallbackLimits:
    """How long a receiver may be down."""

    attempts: int = 10
    """With the waits below about six minutes."""
    first_wait_s: float = 1.0
    """Doubled after each attempt."""
    longest_wait_s: float = 120.0
    timeout_s: float = 15.0
    """Of a connection, and of the answer."""
    waiting: int = 256
    """Messages of one request that wait; then its session waits too."""


class Callbacks:
    """Delivers callbacks. The event loop; `drain` at the server's end."""

    def __init__(
        self,
        allowed: AllowList,
        limits: CallbackLimits,
        transport: CheckedTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        epoch_s: Callable[[], float] = time.time,
    ) -> None:
        self._allowed, self._limits = allowed, limits
        self._sleep, self._epoch_s = sleep, epoch_s
        self._transport = transport or CheckedTransport(allowed)
        self._client = client(self._transport, httpx.Timeout(limits.timeout_s))
        self._tasks: set[asyncio.Task[None]] = set()

    async def require(self, url: str) -> None:
        """Returns where a URL may be called back: to be asked before the work begins.

        Raises:
            OutwardError: it may not, or its host has no address.
        """
        checked = self._allowed.require_url(url)
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                await self._transport.addresses(checked)
        except TimeoutError as error:
            raise UnreachableError("The callback URL's host took too long to look up.") from error

    @asynccontextmanager
    async def lane(self, destination: Destination) -> AsyncIterator["Lane"]:
        """Gives the way to a destination for the time of the block; what waits at its end is delivered after it."""
        lane = Lane(self._limits.waiting)
        task = asyncio.create_task(lane.run(lambda body: self._delivered(destination, body)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            yield lane
        finally:
            lane.finish()

    async def send(self, destination: Destination, body: bytes) -> None:
        """Delivers one message, later."""
        async with self.lane(destination) as lane:
            await lane.post(body)

    async def drain(self, within_s: float) -> None:
        """Returns when all is delivered or given up, or `within_s` seconds are over; what waits then is dropped.

        To be called when every lane's block has ended.
        """
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            if late:
                structlog.get_logger().error("drop_callbacks", requests=len(late), within_s=within_s)
        await self._client.aclose()

    async def _delivered(self, destination: Destination, body: bytes) -> bool:
        """Returns whether the receiver has taken a message, after as many tries as it takes."""
        limits = self._limits
        again = AsyncRetrying(
            retry=retry_if_exception_type(UnreachableError),
            stop=stop_after_attempt(limits.attempts),
            wait=wait_exponential_jitter(limits.first_wait_s, limits.longest_wait_s),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            await again(self._try, destination, body)
        except OutwardError as error:
            structlog.get_logger().error(
                "give_up_callback",
                request_id=destination.request_id,
                reason=str(error),
                attempts=again.statistics.get("attempt_number"),
            )
            return False
        return True

    async def _try(self, destination: Destination, body: bytes) -> None:
        """Sends a message once.

        Raises:
            UnreachableError: another try may do.
            OutwardError: none will.
        """
        request = self._client.build_request(
            destination.method, destination.url, content=body, headers=self._headers(destination, body)
        )
        try:
            # Streamed, so that an answer of any length is not read. A redirect is an answer: results go nowhere else.
            async with asyncio.timeout(2 * self._limits.timeout_s):
                response = await self._client.send(request, stream=True)
                await response.aclose()
        except (TimeoutError, httpx.HTTPError) as error:
            raise UnreachableError(f"no answer ({type(error).__name__})") from error
        status = response.status_code
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _BUSY:
            raise UnreachableError(f"status {status}")
        if not response.is_success:
            raise OutwardError(f"status {status}")

    def _headers(self, destination: Destination, body: bytes) -> dict[str, str]:
        headers = {"content-type": "application/json", "dg-request-id": destination.request_id}
        if destination.secret is not None:
            headers[HEADER] = signature(destination.secret, body, int(self._epoch_s()))
        return headers


class Lane:
    """Messages to one destination, one after the other. After one that could not be delivered all are dropped.

    So a receiver never sees a later result without the one before it.
    """

    def __init__(self, waiting: int) -> None:
        self._room = asyncio.Semaphore(waiting)
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def post(self, body: bytes) -> None:
        """Hands a message over; waits where many wait already."""
        await self._room.acquire()
        self._queue.put_nowait(body)

    def finish(self) -> None:
        """Says that no more come."""
        self._queue.put_nowait(None)

    async def run(self, delivered: Callable[[bytes], Awaitable[bool]]) -> None:
        """Delivers until no more come."""
        open_ = True
        while (body := await self._queue.get()) is not None:
            open_ = open_ and await delivered(body)
            self._room.release()
