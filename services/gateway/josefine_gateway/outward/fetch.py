"""Recordings by URL, as a stream of bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from josefine_gateway.outward.allow_list import AllowList
from josefine_gateway.outward.errors import TooLargeError, UnreachableError
from josefine_gateway.outward.transport import CheckedTransport, client

MOST_REDIRECTS: Final = 3


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much, and for how long."""

    max_bytes: int
    """Most bytes of a body."""
    total_s: float = 600.0
    """From the first name looked up to the last byte."""
    silent_s: float = 15.0
    """Most time for a connection, and between two parts of the answer."""


class Fetched:
    """An answer whose body has not been read yet."""

    def __init__(self, response: httpx.Response, limits: FetchLimits, deadline_s: float) -> None:
        """`deadline_s` is in the time of the event loop."""
        self._response, self._limits, self._deadline_s = response, limits, deadline_s
        length = response.headers.get("content-length", "")
        self.length_bytes: Final = int(length) if length.isdecimal() else None
        """What the other side announced; None where it did not."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yields the body, once, as it comes.

        Raises:
            TooLargeError: it is longer than the limit.
            UnreachableError: it breaks off, or takes too long.
        """
        total = 0
        body = self._response.aiter_raw()
        while chunk := await self._next(body):
            total += len(chunk)
            self._require_room(total)
            yield chunk

    def require_good(self) -> None:
        """Returns where the body is worth reading.

        Raises:
            UnreachableError: it is of an error, or compressed though nobody asked for that.
            TooLargeError: it says itself that it is too long.
        """
        if self._response.status_code != httpx.codes.OK:
            raise UnreachableError(f"The URL answered with status {self._response.status_code}.")
        if self._response.headers.get("content-encoding", "identity").lower() != "identity":
            # A small file may unpack to any length.
            raise UnreachableError("The URL answered with a compressed body.")
        self._require_room(self.length_bytes or 0)

    def _require_room(self, total_bytes: int) -> None:
        if total_bytes > self._limits.max_bytes:
            raise TooLargeError(f"The URL's content is longer than {self._limits.max_bytes} bytes.")

    async def _next(self, body: AsyncIterator[bytes]) -> bytes:
        """Returns the next bytes; none at the end."""
        try:
            async with asyncio.timeout_at(self._deadline_s):
                return await anext(body, b"")
        except (TimeoutError, httpx.HTTPError, httpx.StreamError) as error:
            raise _unreachable(error) from error


class Fetcher:
    """Fetches what the operator's list allows. The event loop; closed at the server's end."""

    def __init__(self, allowed: AllowList, limits: FetchLimits, transport: CheckedTransport | None = None) -> None:
        self._allowed, self._limits = allowed, limits
        self._client = client(transport or CheckedTransport(allowed), httpx.Timeout(limits.silent_s))

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[Fetched]:
        """Gives the answer of a URL for the time of the block; at most three redirects, each checked as the first URL.

        Raises:
            OutwardError: it may not be connected to, does not answer well, or is too long.
        """
        self._allowed.require_url(url)
        deadline_s = asyncio.get_running_loop().time() + self._limits.total_s
        try:
            async with asyncio.timeout_at(deadline_s):
                response = await self._answer(url)
        except (TimeoutError, httpx.HTTPError) as error:
            raise _unreachable(error) from error
        try:
            fetched = Fetched(response, self._limits, deadline_s)
            fetched.require_good()
            yield fetched
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.aclose()

    async def _answer(self, url: str) -> httpx.Response:
        request = self._client.build_request("GET", url, headers={"accept-encoding": "identity"})
        for _ in range(MOST_REDIRECTS + 1):
            # httpx follows by itself too, but reads the body of every redirect, however long it is.
            response = await self._client.send(request, stream=True)
            if response.next_request is None:
                return response
            await response.aclose()
            request = response.next_request
        raise UnreachableError(f"The URL leads through more than {MOST_REDIRECTS} redirects.")


def _unreachable(error: Exception) -> UnreachableError:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return UnreachableError("The URL took too long to answer.")
    if isinstance(error, httpx.ConnectError):
        return UnreachableError("The URL's host could not be connected to.")
    return UnreachableError("The URL did not answer as HTTP has it, or broke off.")
