"""The secret that signs resume tokens: named, shared through Redis, or one of this process."""

import secrets
from typing import Final

import structlog

from josefine_gateway.access.resume_token import LEAST_SECRET_BYTES
from josefine_stage.errors import ConfigurationError, StoreError
from josefine_state.line import Line
from josefine_state.shared_secret import SECRET_BYTES, shared_secret

_NAME: Final = "resume-tokens"


def resume_secret(named: str | None, line: Line | None) -> bytes:
    """Returns the secret; called once, at start, before the event loop. Waits for Redis at most for its deadline.

    Without Redis it is random, with a warning: other replicas, and this one after a restart, refuse its tokens.

    Raises:
        ConfigurationError: the named one is too short.
    """
    if named is not None:
        if len(named.encode()) < LEAST_SECRET_BYTES:
            raise ConfigurationError(f"the secret of resume tokens: at least {LEAST_SECRET_BYTES} bytes")
        return named.encode()
    reason = "no secret is named and there is no Redis"
    if line is not None:
        try:
            return shared_secret(line, _NAME)
        except StoreError as error:
            reason = str(error)
    structlog.get_logger().warning("make_own_resume_secret", reason=reason)
    return secrets.token_bytes(SECRET_BYTES)
