"""Who asks, and what the server lets them do. Pure."""

from dataclasses import dataclass, field
from typing import Final

from josefine_gateway.access.errors import ScopeError
from josefine_state.api_keys import ApiKey, Scope

OPEN: Final = "open"
"""The id of everyone where no key is asked for. A resume token of open access names it too."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a key."""

    key_id: str
    scopes: frozenset[Scope]
    max_sessions: int | None = None
    """Most sessions at the same time."""
    requests_per_minute: int | None = None
    callback_secret: str | None = field(default=None, repr=False)
    """Signs callbacks; none: the server's own."""

    def require(self, scope: Scope) -> None:
        """Returns where the key may be used for `scope`.

        Raises:
            ScopeError: it may not.
        """
        if scope not in self.scopes:
            raise ScopeError(f"This key may not be used here: it lacks the scope {scope.value!r}.")


def bearer_of(key: ApiKey) -> Principal:
    """Returns whom a key stands for."""
    return Principal(key.id, frozenset(key.scopes), key.max_sessions, key.requests_per_minute, key.callback_secret)


def anybody() -> Principal:
    """Returns whom open access stands for."""
    return Principal(OPEN, frozenset(Scope))
