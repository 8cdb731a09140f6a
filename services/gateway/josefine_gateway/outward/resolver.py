"""Names to addresses, on threads of their own."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from josefine_gateway.outward.addresses import Address, parsed

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Gives the addresses of a host, the best first; raises OSError where it has none."""

THREADS: Final = 8


class Resolver:
    """The machine's resolver.

    It blocks a thread for as long as a name server likes, and clients choose the name server: on the event loop's own
    threads, slow names would keep API keys from being looked up.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "resolve")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """Returns the addresses of a host.

        Raises:
            OSError: it has none.
        """
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        except UnicodeError as error:
            # A label of more than 63 characters does not reach the resolver.
            raise OSError(str(error)) from error
        return [parsed(str(sockaddr[0])) for *_, sockaddr in found]

    def close(self) -> None:
        """Lets the threads end, each when its name server has answered."""
        self._threads.shutdown(wait=False, cancel_futures=True)
