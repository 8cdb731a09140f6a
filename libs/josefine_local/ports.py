"""TCP ports of 127.0.0.1: whether one is free, and free ones for stacks that nobody needs to find by number."""

import errno
import random
import socket
from typing import Final

from josefine_local.errors import PortInUseError

HOST: Final = "127.0.0.1"
# Below 32768, where Linux begins to number outgoing connections: a port that is free now is not taken by a
# client's connection before the server binds it.
EPHEMERAL: Final = range(20_000, 32_000)
ATTEMPTS: Final = 200


def is_free(port: int) -> bool:
    """Returns whether a server could bind `port` now. Connections that still close do not count as a user."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_ports(count: int) -> tuple[int, ...]:
    """Returns `count` different ports that are free now, chosen at random so that stacks seldom meet.

    Raises:
        PortInUseError: none found in a bounded number of attempts.
    """
    found: list[int] = []
    for port in random.sample(EPHEMERAL, ATTEMPTS + count):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    if len(found) < count:
        raise PortInUseError(f"no {count} free ports between {EPHEMERAL.start} and {EPHEMERAL.stop} on {HOST}")
    return tuple(found)


def require_free(name: str, port: int, option: str) -> None:
    """Checks that `port` is free for what `name` says; 0 always is.

    Raises:
        PortInUseError: it is taken; the message names it and the option that chooses another.
    """
    if port and not is_free(port):
        raise PortInUseError(
            f"port {port} on {HOST} (for {name}) is in use by another program: stop that program, "
            f"or choose another port with {option}"
        )
