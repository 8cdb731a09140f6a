"""Which IP addresses belong to the public internet. Pure.

Beside what the registries call special (RFC 6890), addresses that carry an IPv4 address inside are judged by that: they
are a second way to write 127.0.0.1.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
"""RFC 8215: translated within a site, by whatever rule it has. Not every Python knows it."""
_SITE_LOCAL: Final = IPv6Network("fec0::/10")


def parsed(text: str) -> Address:
    """Returns an address; without the zone that a resolver adds to link-local ones.

    Raises:
        ValueError: it is none.
    """
    return ip_address(text.partition("%")[0])


def is_public(address: Address) -> bool:
    """Returns whether an address, or the IPv4 address that it carries, is one of the public internet."""
    plain = _carried(address) or address
    special = (
        plain.is_multicast
        or plain.is_reserved
        or plain.is_unspecified
        or plain.is_loopback
        or plain.is_link_local
        or plain.is_private
        or plain in _NAT64_LOCAL
        or plain in _SITE_LOCAL
    )
    # is_global beside them: 100.64.0.0/10 (RFC 6598) is neither private nor global.
    return plain.is_global and not special


def _carried(address: Address) -> IPv4Address | None:
    """Returns the IPv4 address that packets to an IPv6 address go to in the end, if any."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
