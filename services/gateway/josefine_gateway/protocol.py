"""HTTP/1.1 as uvicorn speaks it, with a deadline for the headers: who sends a byte a minute holds no connection."""

import asyncio
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from josefine_gateway.strict_http import StrictConnection


class PatientProtocol(H11Protocol):
    """A connection whose requests have to be complete to their last header within a time."""

    deadline_s = 30.0

    @classmethod
    def with_deadline(cls, deadline_s: float) -> type["PatientProtocol"]:
        """Returns the protocol with another deadline: uvicorn makes one of the class for every connection."""
        return type("PatientProtocol", (cls,), {"deadline_s": deadline_s})

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.conn = self._strict = StrictConnection()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Waits for the rest of the headers; once they are there, what follows has deadlines of its own."""
        super().data_received(data)
        if self._owes():
            self._wait()
        else:
            self._rest()

    def on_response_complete(self) -> None:
        """Waits for the rest of a body that nobody reads: it was answered already."""
        super().on_response_complete()
        if self._owes():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the wait."""
        self._rest()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Ends the wait: another protocol has the connection."""
        self._rest()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no request, unless an answer is under way already."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        status = HTTPStatus(self._strict.refused_status)
        body = msg.encode("ascii")
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        response = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _owes(self) -> bool:
        """Whether the client has begun something whose end nobody else waits for."""
        theirs, ours = self.conn.their_state, self.conn.our_state
        return theirs is h11.IDLE or (theirs is h11.SEND_BODY and ours in (h11.DONE, h11.MUST_CLOSE))

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.deadline_s, self._late)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._owes():
            self.transport.abort()
