"""WebSocket as uvicorn speaks it, where a client that breaks the protocol is told so and is then let go."""

from asyncio import TimerHandle
from typing import Final

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_S: Final = 2.0
"""So long is read what nobody wants. A socket that is closed before what has come was read resets the connection, and
the client never sees why (RFC 9112, 9.6)."""
MOST_WAITING_BYTES: Final = 64 * 1024
"""Of messages that nobody has taken yet; beyond it the socket is not read. uvicorn stops and starts reading for every
single message, which for frames of 20 ms are a hundred system calls a second."""
MESSAGE_BYTES: Final = 256
"""What a message costs beside its content."""
BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PlainSpokenWebSocket(WebSocketsSansIOProtocol):
    """A connection that ends with an answer: of the handshake, or a close frame."""

    _waiting_bytes = 0
    _last_call: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Takes what came."""
        if self.close_sent and self.conn.parser_exc is not None:
            return  # after an error there is nothing more to understand
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # The library has its limits too, below those of HTTP: its refusal waits to be sent, where it made one.
            self.transport.write(b"".join(self.conn.data_to_send()) or BAD_REQUEST)
            self.close_sent = self.handshake_complete = True
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        """Takes what is to be sent; a handshake that was refused is complete, and nothing to complain of in the log."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """Passes a message on; one that is no text is answered, and is nothing to print a stack for."""
        payload = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self._pass_on({"type": "websocket.receive", "bytes": payload}, len(payload))
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        self._pass_on({"type": "websocket.receive", "text": text}, len(payload))

    def handle_ping(self) -> None:
        """Answers; not a client that does not read, whose answers would pile up."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        """Ends a connection that is silent, also where its client takes not even the end."""
        super().keepalive_timeout()
        self.loop.call_later(LINGER_S, self.transport.abort)

    async def run_asgi(self) -> None:
        """Serves the connection; afterwards it is gone soon, whatever is still to be read."""
        await super().run_asgi()
        self._last_call = self.loop.call_later(self.close_timeout + LINGER_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Takes note."""
        if self._last_call is not None:
            self._last_call.cancel()
        super().connection_lost(exc)

    async def receive(self) -> ASGIReceiveEvent:
        """Returns what came next; reads on once nothing waits any more."""
        message = await self.queue.get()
        if self.queue.empty():
            self._waiting_bytes = 0
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()
        return message

    def _pass_on(self, event: ASGIReceiveEvent, size: int) -> None:
        self.queue.put_nowait(event)
        self._waiting_bytes += size + MESSAGE_BYTES
        if self._waiting_bytes > MOST_WAITING_BYTES and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def handle_parser_exception(self) -> None:
        """Sends the close frame and lets the client read it."""
        close = self.conn.close_sent
        if close is None or self.close_sent:
            self.transport.close()
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)
