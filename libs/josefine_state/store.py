"""Snapshots in Redis: one hash a session and stage, a field a version. A cache of the log, never the truth."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgpack
import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from josefine_stage.errors import ConfigurationError, StoreError
from josefine_stage.handler import Snapshot

BORN_KEY: Final = "josefine:born_at_ms"
RETRIES: Final = 6
T = TypeVar("T")


class RedisStore:
    """A SnapshotStore. One thread."""

    def __init__(self, url: str, stage: str, ttl_s: int, timeout_s: float = 5.0) -> None:
        """Connects lazily.

        Raises:
            ConfigurationError: the URL cannot be read.
        """
        self._stage = stage
        self._ttl_s = ttl_s
        self._url = url
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

    def born_at_ms(self) -> int:
        """Returns when this store was first used; a flush makes it forget, and it is born anew."""
        now_ms = int(time.time() * 1000)

        def ask() -> int:
            self._redis.set(BORN_KEY, now_ms, nx=True)
            return int(self._redis.get(BORN_KEY) or now_ms)

        return self._ask(ask)

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
        try:
            return ask()
        except redis.RedisError as error:
            raise StoreError(f"Redis at {_without_password(self._url)}: {error}") from error


def _pack(snapshot: Snapshot) -> bytes:
    packed: bytes = msgpack.packb((snapshot.over, snapshot.state))
    return packed


def _unpack(version: int, packed: bytes) -> Snapshot:
    over, state = msgpack.unpackb(packed)
    return Snapshot(version, state, over)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
