"""API keys as they are kept: an id, the digest of the key, and what its bearer may do. Pure.

A key is 256 random bits, so one round of SHA-256 is right for it: the slow hashes (Argon2, scrypt) exist to make the
guessing of words dear, and nobody guesses 256 bits, while a slow hash at every request would let anyone keep the
server busy with wrong keys. No salt for the same reason: no table of likely keys can be prepared, and without it a
key is found by its digest.
"""

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

PREFIX: Final = "jsf_"
"""So that people, and programs that look for leaked keys, know what they have found."""
KEY_BYTES: Final = 32


class Scope(StrEnum):
    """What a key may be used for."""

    LISTEN = "listen"
    READ = "read"
    CONSOLE = "console"


class ApiKey(BaseModel):
    """One key's record: a line of the file of keys, or a field of the hash in Redis, as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name of the key in logs and lists; no secret."""
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the key in hexadecimal digits."""
    scopes: tuple[Scope, ...] = (Scope.LISTEN, Scope.READ)
    """What it may be used for."""
    max_sessions: int | None = Field(default=None, ge=1)
    """Most sessions at the same time; none: as many as the server takes."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Most requests (a live session is one) a minute; none: as many as the server takes."""
    expires: AwareDatetime | None = None
    """From then on the key is refused; with a time zone."""
    revoked: bool = False
    """Refused from now on."""
    callback_secret: str | None = Field(default=None, min_length=16, repr=False)
    """Signs what is sent to callback URLs for this key; none: the server's own secret."""

    def valid_at(self, now: datetime) -> bool:
        """Returns whether the key opens anything at `now` (with a time zone)."""
        return not self.revoked and (self.expires is None or now < self.expires)

    def as_line(self) -> str:
        """Returns the record as one line of JSON, without what is not set."""
        return self.model_dump_json(exclude_none=True)


def new_key() -> str:
    """Returns a key that nobody has: 256 random bits in URL-safe base 64, which fits any header."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def digest_of(key: str) -> str:
    """Returns the SHA-256 of a key in hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()
