"""Where keys come from: a file that is read again when it changes, or Redis, remembered for some seconds."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from josefine_gateway.access.errors import KeysSilentError
from josefine_stage.errors import ConfigurationError, StoreError
from josefine_state.api_keys import ApiKey
from josefine_state.key_file import read_keys
from josefine_state.key_store import KeyStore

LOOK_S: Final = 1.0
"""How often the file's time is looked at, so how long a revoked key goes on at the most."""
RETRY_S: Final = 2.0


class KeySource(Protocol):
    """Finds keys."""

    async def find(self, digest: str) -> ApiKey | None:
        """Returns the key of a digest, also one that is revoked or has expired.

        Raises:
            KeysSilentError: it is not known now.
        """


class FileKeys:
    """Keys of a file, in memory. The event loop's thread."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads the file.

        Raises:
            ConfigurationError: it cannot be read.
        """
        self._path, self._clock = path, clock
        self._mark = _mark(path)
        self._keys = {key.hash: key for key in read_keys(path)}
        self._looked_s = clock()

    async def find(self, digest: str) -> ApiKey | None:
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            await asyncio.to_thread(self._look)
        return self._keys.get(digest)

    def _look(self) -> None:
        """Reads the file where it has changed; one that cannot be read changes nothing, for somebody is writing it."""
        try:
            mark = _mark(self._path)
            if mark == self._mark:
                return
            self._keys = {key.hash: key for key in read_keys(self._path)}
        except ConfigurationError as error:
            structlog.get_logger().error("keep_former_api_keys", reason=str(error))
            return
        self._mark = mark
        structlog.get_logger().info("read_api_keys", keys=len(self._keys))


def _mark(path: Path) -> tuple[int, int, int]:
    """Returns what changes when the file does: a file that took its place may have the same time."""
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigurationError(f"keys: {path}: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True, slots=True)
class Remembering:
    """How long keys of Redis are remembered."""

    fresh_s: float = 5.0
    """Not asked again for so long: how long a revoked key goes on at the most."""
    silent_s: float = 3600.0
    """Good for so long after Redis said so last, where Redis does not answer."""
    most_keys: int = 10_000
    """The one not used for longest is forgotten beyond that."""


class StoredKeys:
    """Keys of Redis. Only those that exist are remembered, so wrong ones cannot drive them out. The event loop."""

    def __init__(
        self,
        store: KeyStore,
        remembering: Remembering | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock = store, clock
        self._remembering = remembering or Remembering()
        self._known: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()

    async def find(self, digest: str) -> ApiKey | None:
        known = self._known.get(digest)
        if known is not None and self._clock() - known[1] < self._remembering.fresh_s:
            self._known.move_to_end(digest)
            return known[0]
        try:
            key = await asyncio.to_thread(self._store.find, digest)
        except StoreError as error:
            return self._remembered(known, error)
        self._remember(digest, key)
        return key

    def _remembered(self, known: tuple[ApiKey, float] | None, error: StoreError) -> ApiKey:
        if known is None or self._clock() - known[1] >= self._remembering.silent_s:
            raise KeysSilentError("Keys cannot be looked up at the moment.", RETRY_S) from error
        return known[0]

    def _remember(self, digest: str, key: ApiKey | None) -> None:
        self._known.pop(digest, None)
        if key is not None:
            self._known[digest] = (key, self._clock())
        while len(self._known) > self._remembering.most_keys:
            self._known.popitem(last=False)
