"""A live session over the gateway's WebSocket, for programs without asyncio."""

import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from josefine_client.errors import SessionError
from josefine_client.live.connecting import TROUBLE, connect_arguments, report
from josefine_client.live.events import Event
from josefine_client.live.resumption import Resumption, State
from josefine_client.live.settings import Address, LiveSettings, Option


class LiveSession:
    """Sends audio and gives events; goes on by itself after a cut. One thread may send while another reads.

    Example:
        with LiveSession("ws://127.0.0.1:8080", {"encoding": "linear16", "sample_rate": 16000}) as session:
            session.send(audio)
            session.end()
            for event in session:
                ...

    Entering waits for the server's consent. Leaving ends the session and waits until all is told, so that
    `transcript()` is whole afterwards; leaving with an exception ends it without waiting for results.

    Inside, one thread keeps the connection and receives, another sends. What they raise unexpectedly is raised by
    the next call.
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
        self._changed = threading.Condition()
        """Holds the core; whoever changes it wakes all others."""
        self._connection: ClientConnection | None = None
        """The last one, maybe closed."""
        self._sending_since_s: float | None = None
        """Since when a send waits for the network."""
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live-session")
        self._running: Future[None] | None = None

    def send(self, payload: bytes) -> None:
        """Sends audio: a piece of a file, whole samples, or exactly one opus packet.

        Waits while more than `buffer_bytes` are not acknowledged, also as long as there is no connection.

        Raises:
            SessionError: the session has ended.
            LiveError: it cannot go on.
        """
        with self._change() as core:
            self._until(lambda: core.outbox.has_room(len(payload)))
            core.outbox.add(payload)

    def finalize(self) -> None:
        """Asks for the final of what was said so far; it comes as a Final with `from_finalize`.

        Raises:
            SessionError: the session has ended.
            LiveError: it cannot go on.
        """
        with self._change() as core:
            self._until(lambda: True)
            core.outbox.finalize()

    def end(self) -> None:
        """Says that no more audio comes. Does not wait: the last events are still to be read. Twice is harmless."""
        with self._change() as core:
            core.outbox.close()

    def transcript(self, channel: int = 0) -> str:
        """Returns all finals of a channel so far, joined; those that nobody has read as events yet too."""
        with self._changed:
            return self._core.spoken.transcript(channel)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        with self._changed:
            while (event := self._core.read()) is None:
                if self._is_over():
                    self._core.raise_failure()
                    raise StopIteration
                self._changed.wait()
            return event

    def __enter__(self) -> Self:
        self._running = self._threads.submit(self._stay_connected)
        self._running.add_done_callback(lambda _: self._wake())
        try:
            with self._changed:
                self._until(lambda: self._core.was_open)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._leave()

    def _finish(self) -> None:
        self.end()
        with self._changed:
            self._changed.wait_for(self._is_over)
            if not self._core.failure_told:
                self._core.raise_failure()

    def _leave(self) -> None:
        with self._change() as core:
            abandoned = None if core.state is State.DONE else self._connection
            core.abandon()
        if abandoned is not None:
            abandoned.close()
        self._threads.shutdown()

    def _is_over(self) -> bool:
        if self._running is not None and self._running.done():
            self._running.result()  # Raises what nobody expected; what was expected is the core's failure.
        return self._core.state is State.DONE

    def _until(self, holds: Callable[[], bool]) -> None:
        while not self._is_over():
            if self._running is None:
                raise SessionError("the session is not open: enter it first, with `with`")
            if holds():
                return
            self._changed.wait()
        self._core.raise_failure()
        raise SessionError("the session has ended: nothing can follow")

    @contextmanager
    def _change(self) -> Iterator[Resumption]:
        with self._changed:
            yield self._core
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _stay_connected(self) -> None:
        while self._is_wanted():
            url = self._address.with_parameters(self._core.parameters())
            try:
                with connect(url, **self._arguments) as connection:
                    self._greet(connection)
                    self._converse(connection)
            except TROUBLE as error:
                self._report(error)

    def _is_wanted(self) -> bool:
        """Waits until the next connection is due; returns whether it is still wanted."""
        with self._change() as core:
            due_s = core.delay_s(time.monotonic())
            self._changed.wait_for(lambda: core.state is State.DONE, due_s)
            core.connecting()
            return core.state is not State.DONE

    def _greet(self, connection: ClientConnection) -> None:
        with self._changed:
            self._connection, self._sending_since_s = connection, None
        try:
            self._take(connection.recv(self._settings.open_timeout_s))
        except TimeoutError:
            connection.close_socket()  # A close frame would end the session.
            raise

    def _converse(self, connection: ClientConnection) -> None:
        """Returns when the connection or the session is over."""
        sending = self._threads.submit(self._send_queued, connection)
        sending.add_done_callback(lambda done: connection.close_socket() if done.exception() else None)
        try:
            while self._core.state is State.OPEN:
                self._receive(connection)
        except ConnectionClosed as closed:
            # At once: the sending thread goes when the session is not open any more.
            self._report(closed)
        _, stuck = wait([sending], self._settings.late_s)
        if stuck:
            _break(connection)
        sending.result()

    def _receive(self, connection: ClientConnection) -> None:
        """Takes the next frame, or looks after the sending thread where none comes."""
        try:
            self._take(connection.recv(self._settings.ping_s))
        except TimeoutError:
            since_s = self._sending_since_s
            if since_s is not None and time.monotonic() > since_s + self._settings.late_s:
                _break(connection)

    def _send_queued(self, connection: ClientConnection) -> None:
        with suppress(ConnectionClosed):  # The receiver hears it too, and after what came before it.
            while (frame := self._next_frame()) is not None:
                self._sending_since_s = time.monotonic()
                connection.send(frame)
                self._sending_since_s = None

    def _next_frame(self) -> bytes | str | None:
        """Waits for what is to be sent next; None: the connection is over."""
        with self._changed:
            while self._core.state is State.OPEN:
                now_s = time.monotonic()
                if (frame := self._core.next_frame(now_s)) is not None:
                    return frame
                self._changed.wait(self._core.idle_s(now_s))
        return None

    def _report(self, error: BaseException) -> None:
        with self._change() as core:
            report(error, core, time.monotonic())

    def _take(self, frame: str | bytes) -> None:
        with self._change() as core:
            core.take(frame, time.monotonic())


def _break(connection: ClientConnection) -> None:
    """Ends a connection whose network takes nothing more.

    The thread that waits in its send holds the lock of `websockets`, for which even pings and `close` have to wait.
    """
    with suppress(OSError):  # It is closed meanwhile.
        connection.socket.shutdown(socket.SHUT_RDWR)
