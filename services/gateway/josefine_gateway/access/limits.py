"""How much at a time: of a key, and of this replica."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from josefine_gateway.access.allowances import Allowances
from josefine_gateway.access.errors import FullError, LimitError
from josefine_gateway.access.principal import Principal
from josefine_state.allowances import Lease

SESSION_RETRY_S: Final = 5.0
"""Nobody knows when a session ends; a client that asks again so late costs nothing."""
FULL_RETRY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ReplicaLimits:
    """What one replica takes."""

    max_sessions: int
    """Live sessions and recordings at the same time."""
    max_bytes: int
    """Bytes that came in and are not yet durable, of all sessions together."""


class Replica:
    """Counts what this replica has under way. The event loop's thread."""

    def __init__(self, limits: ReplicaLimits) -> None:
        self._limits = limits
        self.sessions = 0
        self.bytes = 0
        self._freed = asyncio.Event()

    @contextmanager
    def session(self) -> Iterator[None]:
        """Counts a session for the time of the block.

        Raises:
            FullError: there are as many as the replica takes.
        """
        if self.sessions >= self._limits.max_sessions:
            raise FullError("This replica has as many sessions as it takes.", FULL_RETRY_S)
        self.sessions += 1
        try:
            yield
        finally:
            self.sessions -= 1

    async def room(self) -> None:
        """Returns where less is under way than the limit, at once or when it is: the sender waits meanwhile.

        Who adds bytes right after it, whatever their number, exceeds the limit by no more than these.
        """
        while self.bytes >= self._limits.max_bytes:
            self._freed.clear()
            await self._freed.wait()

    def add_bytes(self, count: int) -> None:
        """Counts bytes that came in."""
        self.bytes += count

    def remove_bytes(self, count: int) -> None:
        """Counts bytes that have become durable, or are given up."""
        self.bytes -= count
        self._freed.set()


class Limits:
    """Admits requests and sessions. The event loop."""

    def __init__(self, allowances: Allowances, replica: Replica) -> None:
        self._allowances = allowances
        self.replica: Final = replica

    async def request(self, principal: Principal) -> None:
        """Counts a request of a key; a live session is one.

        Raises:
            LimitError: the key has had its requests of this minute.
        """
        if principal.requests_per_minute is None:
            return
        wait_s = await self._allowances.request(principal.key_id, principal.requests_per_minute)
        if wait_s > 0:
            raise LimitError(f"This key may send {principal.requests_per_minute} requests a minute.", wait_s)

    @asynccontextmanager
    async def session(self, principal: Principal, session_id: str) -> AsyncIterator[AsyncExitStack]:
        """Counts a session for the time of the block.

        Gives what it takes of the key's sessions: with `pop_all()` that goes on counting for a session which waits for
        its client. A session that another connection goes on with counts once: the first may still be thought alive.

        Raises:
            FullError: the replica takes no more.
            LimitError: the key has as many sessions as it may have.
        """
        with self.replica.session():
            async with AsyncExitStack() as held:
                if principal.max_sessions is not None:
                    lease = Lease(principal.key_id, session_id, uuid.uuid4().hex)
                    if not await self._allowances.take(lease, principal.max_sessions):
                        raise LimitError(
                            f"This key may have {principal.max_sessions} sessions at the same time.", SESSION_RETRY_S
                        )
                    held.push_async_callback(self._allowances.release, lease)
                yield held
