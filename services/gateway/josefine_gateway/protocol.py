"""HTTP/1.1 as uvicorn speaks it, with a deadline for the headers: who sends a byte a minute holds no connection."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """A connection whose requests have to be complete to their last header within a time."""

    deadline_s = 30.0

    @classmethod
    def with_deadline(cls, deadline_s: float) -> type["PatientProtocol"]:
        """Returns the protocol with another deadline: uvicorn makes one of the class for every connection."""
        return type("PatientProtocol", (cls,), {"deadline_s": deadline_s})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait."""
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self.deadline_s, self._late)

    def data_received(self, data: bytes) -> None:
        """Waits for the rest of the headers; once they are there, what follows has deadlines of its own."""
        super().data_received(data)
        waits = self.conn.their_state is h11.IDLE
        if waits and self._timer is None:
            self._timer = self.loop.call_later(self.deadline_s, self._late)
        elif not waits:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the wait."""
        self._rest()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Ends the wait: another protocol has the connection."""
        self._rest()
        super().handle_websocket_upgrade(event)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self.conn.their_state is h11.IDLE:
            self.transport.abort()
