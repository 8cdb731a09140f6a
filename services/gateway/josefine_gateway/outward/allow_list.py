"""What an operator allows the gateway to connect to. Pure.

| entry | allows |
|---|---|
| `media.example.org` | this host, at public addresses |
| `*.example.org` | every host below, not example.org itself |
| `public` | every host, at public addresses |
| `10.20.0.0/16`, `127.0.0.1` | these addresses beside public ones, also as the host of a URL |

Nothing is allowed by an empty list.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

import httpx

from josefine_gateway.outward.addresses import Address, is_public, parsed
from josefine_gateway.outward.errors import UrlRefusedError
from josefine_stage.errors import ConfigurationError

PUBLIC: Final = "public"
MOST_CHARACTERS: Final = 8_192
"""Signed URLs of object stores have up to about 2,000."""
_SCHEMES: Final = ("http", "https")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class AllowList:
    """The operator's list, read."""

    public: bool = False
    hosts: frozenset[str] = field(default=frozenset())
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def __bool__(self) -> bool:
        """Returns whether anything is allowed."""
        return bool(self.public or self.hosts or self.suffixes or self.networks)

    def require_url(self, text: str) -> httpx.URL:
        """Returns a URL that may be connected to, if its addresses may.

        Raises:
            UrlRefusedError: it may not, or is none; says why.
        """
        if not self:
            raise UrlRefusedError("This server does not connect to URLs.")
        url = _parsed(text)
        if url.scheme not in _SCHEMES:
            raise UrlRefusedError("The URL must begin with http:// or https://.")
        if url.userinfo:
            raise UrlRefusedError("The URL must not hold a user or a password.")
        if not self._allows(url.raw_host.decode("ascii").lower().rstrip(".")):
            raise UrlRefusedError("The URL's host is not on this server's list of allowed hosts.")
        return url

    def require_addresses(self, addresses: Sequence[Address]) -> None:
        """Returns where a host that resolves to `addresses` may be connected to.

        One that may not spoils all: a name with a public and a private address is somebody's trick or somebody's
        mistake.

        Raises:
            UrlRefusedError: it may not. Does not say the address: what an internal name resolves to is nobody's matter.
        """
        if not addresses or not all(is_public(address) or self._names(address) for address in addresses):
            raise UrlRefusedError("The URL's host has an address that this server does not connect to.")

    def _allows(self, host: str) -> bool:
        if host and (self.public or host in self.hosts or host.endswith(self.suffixes)):
            return True
        try:
            return self._names(parsed(host))
        except ValueError:
            return False

    def _names(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def allow_list(entries: Iterable[str]) -> AllowList:
    """Returns the list that an operator wrote.

    Raises:
        ConfigurationError: an entry is none of the four kinds.
    """
    written = {entry.strip().lower() for entry in entries if entry.strip()}
    networks = {entry: network for entry in written if (network := _network(entry)) is not None}
    names = written - networks.keys() - {PUBLIC}
    suffixes = {name for name in names if name.startswith("*.")}
    return AllowList(
        public=PUBLIC in written,
        hosts=frozenset(_host(name) for name in names - suffixes),
        suffixes=tuple(sorted(f".{_host(name[2:])}" for name in suffixes)),
        networks=tuple(networks.values()),
    )


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry.strip("[]"))
    except ValueError:
        return None


def _host(name: str) -> str:
    """Returns a host's name in the form in which URLs hold it (IDNA)."""
    try:
        url = httpx.URL(scheme="https", host=name)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"allowed hosts: {name!r}: {error}") from error
    host = url.raw_host.decode("ascii").lower()
    if not host or set(host) & set("*/:@%,"):
        raise ConfigurationError(f"allowed hosts: {name!r}: must be a host, *.host, an address, a network, or public")
    return host.rstrip(".")


def _parsed(text: str) -> httpx.URL:
    if len(text) > MOST_CHARACTERS:
        raise UrlRefusedError(f"The URL is longer than {MOST_CHARACTERS} characters.")
    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UrlRefusedError("The URL cannot be read.") from error
