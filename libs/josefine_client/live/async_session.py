"""A live session over the gateway's WebSocket, for asyncio."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from josefine_client.errors import SessionError
from josefine_client.live.connecting import TROUBLE, connect_arguments, report
from josefine_client.live.events import Event
from josefine_client.live.resumption import Resumption, State
from josefine_client.live.settings import Address, LiveSettings, Option


class AsyncLiveSession:
    """Sends audio and gives events; goes on by itself after a cut. One event loop.

    Example:
        async with AsyncLiveSession("ws://127.0.0.1:8080", {"encoding": "linear16", "sample_rate": 16000}) as session:
            await session.send(audio)
            await session.end()
            async for event in session:
                ...

    Entering waits for the server's consent. Leaving ends the session and waits until all is told, so that
    `transcript()` is whole afterwards; leaving with an exception ends it without waiting for results.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Option] | None = None,
        *,
        api_key: str | None = None,
        settings: LiveSettings | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Connects to nothing yet.

        Args:
            url: of the gateway, `ws://host:port` or `wss://host`.
            options: query parameters of /v1/listen.
            api_key: where the gateway wants one.
            settings: limits and patience.
            ssl_context: where the server's certificate is not of a public authority.

        Raises:
            SessionError: the address or an option makes no sense.
        """
        self._address = Address(url, options or {}, api_key)
        self._settings = settings or LiveSettings()
        self._arguments = connect_arguments(self._address, self._settings, ssl_context)
        self._core = Resumption(self._settings, time.monotonic(), random.random)
        self._news = asyncio.Event()
        """Wakes the application: something came, or was acknowledged, or it is over."""
        self._work = asyncio.Event()
        """Wakes the sending task."""
        self._running: asyncio.Task[None] | None = None
        self._connection: ClientConnection | None = None
        """The last one, maybe closed."""

    async def send(self, payload: bytes) -> None:
        """Sends audio: a piece of a file, whole samples, or exactly one opus packet.

        Waits while more than `buffer_bytes` are not acknowledged, also as long as there is no connection.

        Raises:
            SessionError: the session has ended.
            LiveError: it cannot go on.
        """
        await self._until(lambda: self._core.outbox.has_room(len(payload)))
        self._core.outbox.add(payload)
        self._work.set()

    async def finalize(self) -> None:
        """Asks for the final of what was said so far; it comes as a Final with `from_finalize`.

        Raises:
            SessionError: the session has ended.
            LiveError: it cannot go on.
        """
        await self._until(lambda: True)
        self._core.outbox.finalize()
        self._work.set()

    async def end(self) -> None:
        """Says that no more audio comes. Does not wait: the last events are still to be read. Twice is harmless."""
        self._core.outbox.close()
        self._work.set()

    def transcript(self, channel: int = 0) -> str:
        """Returns all finals of a channel so far, joined; those that nobody has read as events yet too."""
        return self._core.spoken.transcript(channel)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while (event := self._core.read()) is None:
            if self._is_over():
                self._core.raise_failure()
                raise StopAsyncIteration
            await self._next_news()
        return event

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._stay_connected())
        self._running.add_done_callback(lambda _: self._news.set())
        try:
            await self._until(lambda: self._core.was_open)
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._finish()
        finally:
            await self._leave()

    async def _finish(self) -> None:
        await self.end()
        while not self._is_over():
            await self._next_news()
        if not self._core.failure_told:
            self._core.raise_failure()

    async def _leave(self) -> None:
        if self._running is None:
            return
        if self._core.state is not State.DONE:
            self._core.abandon()
            self._running.cancel()
        _, stuck = await asyncio.wait([self._running], timeout=self._settings.late_s)
        if stuck and self._connection is not None:
            # Closing waits without limit for a network that takes nothing more.
            self._connection.transport.abort()
            await asyncio.wait([self._running])

    def _is_over(self) -> bool:
        if self._running is not None and self._running.done():
            self._running.result()  # Raises what nobody expected; what was expected is the core's failure.
        return self._core.state is State.DONE

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not self._is_over():
            if self._running is None:
                raise SessionError("the session is not open: enter it first, with `async with`")
            if holds():
                return
            await self._next_news()
        self._core.raise_failure()
        raise SessionError("the session has ended: nothing can follow")

    async def _next_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _stay_connected(self) -> None:
        while self._core.state is not State.DONE:
            await asyncio.sleep(self._core.delay_s(time.monotonic()))  # So many clients do not come back at once.
            self._core.connecting()
            url = self._address.with_parameters(self._core.parameters())
            try:
                async with connect(url, **self._arguments) as connection:
                    await self._greet(connection)
                    await self._converse(connection)
            except TROUBLE as error:
                report(error, self._core, time.monotonic())
            self._news.set()

    async def _greet(self, connection: ClientConnection) -> None:
        self._connection = connection
        try:
            async with asyncio.timeout(self._settings.open_timeout_s):
                self._take(await connection.recv())
        except TimeoutError:
            connection.transport.abort()  # A close frame would end the session.
            raise

    async def _converse(self, connection: ClientConnection) -> None:
        """Returns when the session is done; raises ConnectionClosed."""
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send_queued(connection))
            closed = await self._receive(connection)
            sending.cancel()
        if closed is not None:
            raise closed

    async def _receive(self, connection: ClientConnection) -> ConnectionClosed | None:
        try:
            while self._core.state is not State.DONE:
                self._take(await connection.recv())
        except ConnectionClosed as closed:
            return closed
        return None

    async def _send_queued(self, connection: ClientConnection) -> None:
        with suppress(ConnectionClosed):  # The receiver hears it too, and after what came before it.
            while self._core.state is State.OPEN:
                self._work.clear()
                now_s = time.monotonic()
                if (frame := self._core.next_frame(now_s)) is not None:
                    await self._send(connection, frame)
                else:
                    await self._idle(self._core.idle_s(now_s))
        if self._core.failure is not None:
            connection.transport.abort()  # The receiver waits for a server that is silent.

    async def _send(self, connection: ClientConnection, frame: bytes | str) -> None:
        """Sends, or ends a connection whose network takes nothing more: pings would wait for it without limit."""
        try:
            async with asyncio.timeout(self._settings.late_s):
                await connection.send(frame)
        except TimeoutError:
            connection.transport.abort()

    async def _idle(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._work.wait()

    def _take(self, frame: str | bytes) -> None:
        self._core.take(frame, time.monotonic())
        self._news.set()
