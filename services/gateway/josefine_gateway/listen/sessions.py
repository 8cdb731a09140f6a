"""The live sessions of this replica: those with a connection, and those whose client was cut off and may come back."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import structlog

from josefine_gateway.listen.closing import DRAINING, SUPERSEDED, Farewell
from josefine_gateway.listen.opening import Opened
from josefine_gateway.listen.upload import UploadError

log = structlog.get_logger()
End = Callable[[Farewell], None]


class Sessions:
    """One event loop."""

    def __init__(self, resume_window_s: float) -> None:
        """`resume_window_s`: how long a session waits for its client."""
        self._window_s: Final = resume_window_s
        self._live: dict[str, End] = {}
        self._parked: dict[str, asyncio.Task[None]] = {}
        self._claims: dict[str, object] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        """Places that are being given back."""
        self._draining = False
        self._gone = asyncio.Event()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def parked(self) -> int:
        """Sessions that wait for their client."""
        return len(self._parked)

    @contextmanager
    def claim(self, session_id: str) -> Iterator[Callable[[], bool]]:
        """Gives whether no later handshake of this session has come here. Clients leave handshakes that take long, and
        what is left of the earlier one must not end the later one.
        """
        self.release(session_id)
        mark = self._claims[session_id] = object()
        try:
            yield lambda: self._claims.get(session_id) is mark
        finally:
            if self._claims.get(session_id) is mark:
                del self._claims[session_id]

    def enter(self, session_id: str, end: End) -> None:
        """Takes a connection; one that had the session is ended."""
        self.release(session_id)
        self._live[session_id] = end
        if self._draining:
            end(DRAINING)

    def leave(self, session_id: str, end: End) -> None:
        """Takes note that a connection is gone."""
        if self._live.get(session_id) == end:
            del self._live[session_id]
        self._gone.set()

    def release(self, session_id: str) -> None:
        """Lets go of a session that another connection goes on with."""
        former = self._live.pop(session_id, None)
        if former is not None:
            former(SUPERSEDED)
        waiting = self._parked.pop(session_id, None)
        if waiting is not None:
            waiting.cancel()

    def park(self, opened: Opened) -> None:
        """Ends a session when its client has not come back in time, here or at another replica.

        It counts among those of its key meanwhile: what takes the session's place is taken over from the connection.
        """
        session_id = opened.session.session_id
        if (before := self._parked.pop(session_id, None)) is not None:
            before.cancel()
        place = opened.place.pop_all()
        task = asyncio.ensure_future(self._end_later(opened))
        self._parked[session_id] = task
        task.add_done_callback(lambda done: self._unpark(session_id, done, place))

    async def drain(self) -> None:
        """Tells all clients to go on at another replica, and returns when they are told.

        Sessions that wait for their client stay open: another replica takes them, or the pipeline's idle time-out.
        """
        self._draining = True
        for waiting in self._parked.values():
            waiting.cancel()
        for end in list(self._live.values()):
            end(DRAINING)
        while self._live:
            self._gone.clear()
            await self._gone.wait()

    def _unpark(self, session_id: str, task: asyncio.Task[None], place: AsyncExitStack) -> None:
        if self._parked.get(session_id) is task:
            del self._parked[session_id]
        leaving = asyncio.ensure_future(place.aclose())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _end_later(self, opened: Opened) -> None:
        await asyncio.sleep(self._window_s)  # the client comes back, or it does not: nothing else tells
        try:
            await opened.upload.end()
        except UploadError as error:
            log.warning("session_not_ended", session=opened.session.session_id, reason=str(error))
