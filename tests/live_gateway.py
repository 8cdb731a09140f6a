"""A WebSocket server that speaks the gateway's protocol and cuts connections, in a thread of its own."""

import asyncio
import random
import threading
from collections import defaultdict
from concurrent.futures import Future
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from live_model import ModelSession
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


class LiveGateway:
    """One session's server. What it does to connections is decided by a seed."""

    def __init__(self, *, cuts=0, cut_within=12, seed=0, close=None, refusals=(), deaf=False):
        """`cuts` connections are cut within so many frames, without a close frame or with `close`: code and reason.

        `refusals` are the HTTP statuses of the first handshakes. A `deaf` one greets and reads nothing.
        """
        self.session = ModelSession()
        self.queries = []
        self.headers = []
        self.controls = []
        self._cuts = cuts
        self._cut_within = cut_within
        self._close = close
        self._refusals = list(refusals)
        self._deaf = deaf
        self._random = random.Random(seed)

    def refuse(self, connection, request):
        self.headers.append(request.headers)
        if self._refusals:
            return connection.respond(HTTPStatus(self._refusals.pop(0)), '{"err_msg": "Not now."}')
        return None

    async def handle(self, socket):
        query = defaultdict(list)
        for name, value in parse_qsl(urlsplit(socket.request.path).query):
            query[name].append(value)
        self.queries.append(query)
        connection = self.session.open({name: values[-1] for name, values in query.items()})
        cut_after = self._random.randrange(1, self._cut_within) if self._cuts else None
        try:
            await self._flush(socket, connection)
            if self._deaf:
                return await socket.wait_closed()
            while (frame := await socket.recv()) is not None:
                self._receive(connection, frame)
                if cut_after is not None and (cut_after := cut_after - 1) == 0:
                    return await self._cut(socket, connection)
                connection.commit()
                connection.interim()
                connection.acknowledge()
                await self._flush(socket, connection)
                if self.session.ended:
                    return None
        except ConnectionClosed:
            return None

    def _receive(self, connection, frame):
        if isinstance(frame, str):
            self.controls.append(frame)
        connection.receive(frame)

    async def _flush(self, socket, connection):
        while connection.messages:
            await socket.send(connection.messages.popleft())

    async def _cut(self, socket, connection):
        """The log has the last frame or not; the client is told nothing of it."""
        self._cuts -= 1
        if self._random.random() < 0.5:
            connection.commit()
        if self._close is None:
            socket.transport.abort()
        else:
            await socket.close(*self._close)


@contextmanager
def serving(gateway, ssl_context=None):
    """Yields the gateway's address while it serves."""
    port, over = Future(), Future()

    async def main():
        finished = asyncio.wrap_future(over)
        server = serve(
            gateway.handle, "127.0.0.1", 0, close_timeout=0.2, process_request=gateway.refuse, ssl=ssl_context
        )
        async with server as running:
            port.set_result(running.sockets[0].getsockname()[1])
            await finished

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    try:
        yield f"{'ws' if ssl_context is None else 'wss'}://127.0.0.1:{port.result(30)}"
    finally:
        over.set_result(None)
        thread.join(30)
