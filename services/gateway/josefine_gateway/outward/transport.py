"""An httpx transport that connects to the address that was checked, and to no other.

A name is resolved once; the checks see the same addresses that the connection goes to, so a name that resolves
differently a moment later (DNS rebinding) gains nothing. TLS still asks for, and verifies, the name.
"""

from collections.abc import Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from josefine_gateway.outward.addresses import Address
from josefine_gateway.outward.allow_list import AllowList
from josefine_gateway.outward.errors import UnreachableError
from josefine_gateway.outward.resolver import Resolve, Resolver

_PORTS: Final = {"http": 80, "https": 443}


class CheckedTransport(httpx.AsyncBaseTransport):
    """Checks every request, so also those that redirects lead to. The event loop."""

    def __init__(
        self,
        allowed: AllowList,
        resolve: Resolve | None = None,
        connections: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`resolve` looks names up (None: as the machine does), `connections` connects to addresses."""
        self._allowed = allowed
        self._resolve = resolve or Resolver()
        # No connection is used again: httpx keeps them by address, and two names may share one.
        once = httpx.Limits(max_keepalive_connections=0)
        self._connections = connections or httpx.AsyncHTTPTransport(limits=once)

    async def addresses(self, url: httpx.URL) -> Sequence[Address]:
        """Returns where a URL may be connected to, the best first.

        Raises:
            UrlRefusedError: it may not.
            UnreachableError: its host has no address.
        """
        self._allowed.require_url(str(url))
        try:
            found = await self._resolve(_host(url), url.port or _PORTS[url.scheme])
        except OSError as error:
            raise UnreachableError("The URL's host has no address.") from error
        self._allowed.require_addresses(found)
        return found

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        *others, last = await self.addresses(request.url)
        for address in others:
            try:
                return await self._connections.handle_async_request(_addressed(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._connections.handle_async_request(_addressed(request, last))

    async def aclose(self) -> None:
        await self._connections.aclose()
        if isinstance(self._resolve, Resolver):
            self._resolve.close()


def client(transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout) -> httpx.AsyncClient:
    """Returns a client for many senders: no cookies from one to the other, no proxy (it would resolve by itself)."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        transport=transport, timeout=timeout, cookies=no_cookies, trust_env=False, headers={"user-agent": "josefine"}
    )


def _addressed(request: httpx.Request, address: Address) -> httpx.Request:
    """Returns the request to an address, with the name in `Host` (which is set already) and in TLS."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": _host(request.url)},
    )


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")
