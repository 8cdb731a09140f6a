"""Which process began last under a name: so that one that the broker has fenced can say why.

Only that: who may write is decided by Kafka. A broker that dies while a static member joins, or that takes a
transaction for abandoned, fences a process that has no namesake, and a restart mends it; with a namesake it would not.
"""

import uuid
from typing import Final

from josefine_state.connection import ERRORS, connect


class NameTag:
    """One process's tag in Redis. One thread."""

    def __init__(self, url: str, stage: str, instance_id: str, ttl_s: int, timeout_s: float = 1.0) -> None:
        """Connects lazily.

        Raises:
            ConfigurationError: the URL cannot be read.
        """
        self._url, self._timeout_s, self._ttl_s = url, timeout_s, ttl_s
        self._key: Final = f"josefine:{stage}:name:{instance_id}"
        self._token: Final = uuid.uuid4().hex

    def sign(self) -> bool:
        """Says that this process has the name now; returns whether Redis has heard it."""
        try:
            with connect(self._url, self._timeout_s) as client:
                client.set(self._key, self._token, ex=self._ttl_s)
        except ERRORS:
            return False
        return True

    def taken(self) -> bool:
        """Returns whether another process has signed since; False where Redis does not say."""
        try:
            with connect(self._url, self._timeout_s) as client:
                holder = client.get(self._key)
        except ERRORS:
            return False
        return holder is not None and holder != self._token.encode()
