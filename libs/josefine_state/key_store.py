"""API keys in Redis: one hash for all, a field a digest, its value the record as JSON."""

from typing import Any, Final

from pydantic import ValidationError

from josefine_stage.errors import ConfigurationError, StoreError
from josefine_state.api_keys import ApiKey
from josefine_state.line import Line

KEYS: Final = "josefine:api-keys"

_ADD: Final = """
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do
  if cjson.decode(value)['id'] == ARGV[1] then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
"""
"""KEYS: the hash. ARGV: id, digest, record. Returns 0 where a key has the id already."""


class KeyStore:
    """The keys that all replicas share. Any thread; every method raises StoreError where Redis does not answer."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def find(self, digest: str) -> ApiKey | None:
        """Returns the key of a digest, also one that is revoked or has expired."""
        found: Any = self._line.ask(lambda client: client.hget(KEYS, digest))
        return None if found is None else _read(found)

    def all(self) -> list[ApiKey]:
        """Returns every key, by id."""
        found: Any = self._line.ask(lambda client: client.hvals(KEYS))
        return sorted((_read(value) for value in found), key=lambda key: key.id)

    def add(self, key: ApiKey) -> None:
        """Adds a key.

        Raises:
            ConfigurationError: a key has the id already.
        """
        if not self._line.run(_ADD, [(KEYS, (key.id, key.hash, key.as_line()))])[0]:
            raise ConfigurationError(f"there is a key {key.id!r} already")

    def revoke(self, id_: str) -> bool:
        """Marks a key as revoked; returns whether there is one of that id."""
        key = next((key for key in self.all() if key.id == id_), None)
        if key is None:
            return False
        # Nothing but this changes a record, so nothing is lost between look and write.
        line = key.model_copy(update={"revoked": True}).as_line()
        self._line.ask(lambda client: client.hset(KEYS, key.hash, line))
        return True


def _read(value: bytes) -> ApiKey:
    try:
        return ApiKey.model_validate_json(value)
    except ValidationError as error:
        # Without the input: it holds the callback's secret.
        raise StoreError(f"{KEYS} in Redis: a record cannot be read ({error.error_count()} errors)") from None
