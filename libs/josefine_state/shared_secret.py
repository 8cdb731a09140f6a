"""A secret that the replicas of a service make together: the first one's counts."""

import secrets
from typing import Any, Final

from josefine_stage.errors import StoreError
from josefine_state.line import Line

SECRET_BYTES: Final = 32


def shared_secret(line: Line, name: str) -> bytes:
    """Returns 32 random bytes, the same for everyone who asks this Redis by this name.

    Raises:
        StoreError: Redis does not answer, or keeps nothing.
    """
    key = f"josefine:secret:{name}"
    line.ask(lambda client: client.set(key, secrets.token_bytes(SECRET_BYTES), nx=True))
    kept: Any = line.ask(lambda client: client.get(key))
    if kept is None:
        raise StoreError(f"Redis does not keep {key}")
    return bytes(kept)
