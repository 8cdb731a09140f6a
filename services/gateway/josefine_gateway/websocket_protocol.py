"""WebSocket as uvicorn speaks it, where a client that breaks the protocol is told so and is then let go."""

from typing import Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_S: Final = 2.0
"""So long is read what nobody wants. A socket that is closed before what has come was read resets the connection, and
the client never sees why (RFC 9112, 9.6)."""
BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PlainSpokenWebSocket(WebSocketsSansIOProtocol):
    """A connection that ends with an answer: of the handshake, or a close frame."""

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
        if self.curr_msg_data_type == "text" and not self.close_sent:
            self.frames = [b"".join(self.frames)]
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                self.frames.clear()
                self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

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
