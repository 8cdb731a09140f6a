"""Snapshots in Redis: one hash a session and stage, a field a version. A cache of the log, never the truth."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgpack
import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from josefine_stage.errors import ConfigurationError, StoreError
from josefine_stage.handler import Snapshot

RETRIES: Final = 1
SILENT_S: Final = 5.0
"""A store that did not answer is not asked again for so long: each try keeps the stage's loop waiting."""
T = TypeVar("T")


class RedisStore:
    """A SnapshotStore. One thread."""

    def __init__(self, url: str, stage: str, ttl_s: int, timeout_s: float = 1.0) -> None:
        """Connects lazily.

        Raises:
            ConfigurationError: the URL cannot be read.
        """
        self._stage = stage
        self._ttl_s = ttl_s
        self._url = url
        self._silence: tuple[float, str] = (-math.inf, "")
        retry = Retry(ExponentialBackoff(cap=timeout_s / 2, base=0.05), RETRIES)
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=retry,
                retry_on_error=[redis.ConnectionError, redis.TimeoutError],
            )
        except ValueError as error:
            raise ConfigurationError(f"REDIS_URL: {error}") from error

    def load(self, keys: Sequence[str]) -> Mapping[str, Sequence[Snapshot]]:
        hashes = self._ask(lambda: self._hashes(keys))
        return {
            key: sorted((_unpack(int(version), packed) for version, packed in fields.items()), key=lambda s: s.version)
            for key, fields in zip(keys, hashes, strict=True)
            if fields
        }

    def save(self, snapshots: Mapping[str, Snapshot], keep_from: Mapping[str, int]) -> None:
        self._ask(lambda: self._write(snapshots, keep_from))

    def close(self) -> None:
        self._redis.close()

    def _hashes(self, keys: Sequence[str]) -> list[dict[bytes, bytes]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(self._key(key))
            return list(pipe.execute())

    def _write(self, snapshots: Mapping[str, Snapshot], keep_from: Mapping[str, int]) -> None:
        stored = self._redis_versions(list(snapshots))
        with self._redis.pipeline(transaction=False) as pipe:
            for key, snapshot in snapshots.items():
                name = self._key(key)
                pipe.hset(name, str(snapshot.version), _pack(snapshot))
                stale = [version for version in stored[key] if int(version) < keep_from[key]]
                if stale:
                    pipe.hdel(name, *stale)
                pipe.expire(name, self._ttl_s)
            pipe.execute()

    def _redis_versions(self, keys: Sequence[str]) -> dict[str, list[bytes]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hkeys(self._key(key))
            return dict(zip(keys, pipe.execute(), strict=True))

    def _key(self, session_key: str) -> str:
        """Returns the hash's name; the braces keep a session's stages in one slot of a Redis Cluster."""
        session_id = session_key.partition("/")[0]
        return f"josefine:{{{session_id}}}:{self._stage}:{session_key}"

    def _ask(self, ask: Callable[[], T]) -> T:
        until_s, reason = self._silence
        if time.monotonic() < until_s:
            raise StoreError(reason)
        try:
            return ask()
        except redis.RedisError as error:
            reason = f"Redis at {_without_password(self._url)}: {error}"
            self._silence = (time.monotonic() + SILENT_S, reason)
            raise StoreError(reason) from error


def _pack(snapshot: Snapshot) -> bytes:
    packed: bytes = msgpack.packb((snapshot.over, snapshot.state))
    return packed


def _unpack(version: int, packed: bytes) -> Snapshot:
    over, state = msgpack.unpackb(packed)
    return Snapshot(version, state, over)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
