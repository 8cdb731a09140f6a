"""Snapshots in Redis: one hash a session and stage, a field a version. A cache of the log, never the truth."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgpack

from josefine_stage.errors import StoreError, StoreFencedError
from josefine_stage.handler import Snapshot
from josefine_state.connection import ERRORS, Client, connect
from josefine_state.scripts import CLAIM, EPOCH, LOAD, REFUSED, SAVE

SILENT_S: Final = 5.0
"""A store that did not answer is not asked again for so long: each try keeps the stage's loop waiting."""


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
        self._timeout_s = timeout_s
        self._silence: tuple[float, str] = (-math.inf, "")
        self._client: Client | None = None
        try:
            self._client = connect(url, timeout_s)
        except ERRORS as error:
            self._note_silence(error)

    def claim(self, epoch: int, *, anew: bool = False) -> None:
        (answer,) = self._ask(CLAIM, {f"josefine:{self._stage}": (epoch, self._ttl_s, int(anew))})
        if answer == REFUSED:
            raise StoreFencedError(f"{self._named()}: the stage has reached a later epoch than {epoch}")

    def load(self, keys: Sequence[str], epoch: int) -> Mapping[str, Sequence[Snapshot]]:
        answers = self._ask(LOAD, {self._key(key): (epoch,) for key in keys})
        self._require_admission(answers, epoch)
        found = {key: _versions(answer) for key, answer in zip(keys, answers, strict=True)}
        return {key: versions for key, versions in found.items() if versions}

    def save(self, snapshots: Mapping[str, Snapshot], keep_from: Mapping[str, int], epoch: int) -> None:
        calls = {
            self._key(key): (epoch, snapshot.version, _pack(snapshot), keep_from[key], self._ttl_s)
            for key, snapshot in snapshots.items()
        }
        self._require_admission(self._ask(SAVE, calls), epoch)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _ask(self, script: str, calls: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        """Returns what the script gives for each key with its arguments."""
        until_s, reason = self._silence
        if time.monotonic() < until_s:
            raise StoreError(reason)
        try:
            if self._client is None:
                self._client = connect(self._url, self._timeout_s)
            with self._client.pipeline(transaction=False) as pipe:
                for key, arguments in calls.items():
                    # A cluster's pipeline has no eval().
                    pipe.execute_command("EVAL", script, 1, key, *arguments)
                return list(pipe.execute())
        except ERRORS as error:
            raise self._note_silence(error) from error

    def _note_silence(self, error: Exception) -> StoreError:
        reason = f"{self._named()}: {error}"
        self._silence = (time.monotonic() + SILENT_S, reason)
        return StoreError(reason)

    def _require_admission(self, answers: Sequence[Any], epoch: int) -> None:
        refused = sum(1 for answer in answers if answer == REFUSED)
        if refused:
            raise StoreFencedError(f"{self._named()}: a later epoch than {epoch} has {refused} of the sessions")

    def _key(self, session_key: str) -> str:
        """Returns the hash's name; the braces keep a session's stages in one slot of a Redis Cluster."""
        session_id = session_key.partition("/")[0]
        return f"josefine:{{{session_id}}}:{self._stage}:{session_key}"

    def _named(self) -> str:
        scheme, _, rest = self._url.partition("?")[0].partition("://")
        return f"Redis at {scheme}://{rest.rpartition('@')[2]}"


def _versions(answer: Sequence[bytes]) -> list[Snapshot]:
    """Returns the snapshots among fields and values in turn, oldest first."""
    fields = dict(zip(answer[::2], answer[1::2], strict=True))
    fields.pop(EPOCH.encode(), None)
    return sorted((_unpack(int(version), packed) for version, packed in fields.items()), key=lambda s: s.version)


def _pack(snapshot: Snapshot) -> bytes:
    packed: bytes = msgpack.packb((snapshot.over, snapshot.state))
    return packed


def _unpack(version: int, packed: bytes) -> Snapshot:
    over, state = msgpack.unpackb(packed)
    return Snapshot(version, state, over)
