"""Where allowances are counted: in this process, or in Redis for all replicas, as long as it answers."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from josefine_gateway.access.counting import Leases, Requests
from josefine_stage.errors import StoreError
from josefine_state.allowances import LEASE_S, Lease, SharedAllowances

RENEWALS: Final = 3
"""Renewals in the life of a lease: two may fail."""


class Allowances(Protocol):
    """Counts requests and sessions by name. The event loop."""

    async def request(self, name: str, per_minute: int) -> float:
        """Returns 0 and counts a request, or the seconds until there is room for one."""

    async def take(self, lease: Lease, most: int) -> bool:
        """Returns whether the session is one of at most `most` now."""

    async def release(self, lease: Lease) -> None:
        """Ends a lease, unless another holder took it over."""

    async def keep(self) -> None:
        """Renews what is held until it is cancelled: a task of the server."""


class OwnAllowances:
    """Counts what this process serves."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._requests, self._leases = Requests(), Leases()

    async def request(self, name: str, per_minute: int) -> float:
        return self._requests.take(name, per_minute, self._clock())

    async def take(self, lease: Lease, most: int) -> bool:
        return self._leases.take(lease, most)

    async def release(self, lease: Lease) -> None:
        self._leases.release(lease)

    async def keep(self) -> None:
        return


class SharedOrOwn:
    """Counts in Redis; while it is silent each replica counts what it serves, so nobody is shut out by that."""

    def __init__(self, shared: SharedAllowances, own: OwnAllowances) -> None:
        self._shared, self._own = shared, own
        self._held = Leases()

    async def request(self, name: str, per_minute: int) -> float:
        try:
            return await asyncio.to_thread(self._shared.request, name, per_minute)
        except StoreError:
            return await self._own.request(name, per_minute)

    async def take(self, lease: Lease, most: int) -> bool:
        try:
            taken = await asyncio.to_thread(self._shared.take, lease, most)
        except StoreError as error:
            structlog.get_logger().warning("count_sessions_alone", reason=str(error))
            return self._held.take(lease, most)
        return taken and self._held.take(lease, None)

    async def release(self, lease: Lease) -> None:
        self._held.release(lease)
        try:
            await asyncio.to_thread(self._shared.release, lease)
        except StoreError:
            return  # it ends by itself

    async def keep(self) -> None:
        while True:
            # Rests between renewals; nothing but the server's end may wake it.
            await asyncio.sleep(LEASE_S / RENEWALS)
            await self.renew()

    async def renew(self) -> None:
        """Renews every lease that is held here, once."""
        held = self._held.all()
        try:
            await asyncio.to_thread(self._shared.renew, held)
        except StoreError as error:
            structlog.get_logger().warning("leases_not_renewed", reason=str(error), leases=len(held))
