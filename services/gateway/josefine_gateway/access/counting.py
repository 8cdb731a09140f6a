"""Allowances as values: a token bucket and the sessions under a name. Pure; `now_s` is any clock that never goes back.

The same rules as Lua, for all replicas together: `josefine_state.allowances`.
"""

from dataclasses import dataclass, field
from typing import Final

from josefine_state.allowances import Lease

MINUTE_S: Final = 60.0
PRUNE_AT: Final = 1_024
"""Names at which those whose bucket is full are forgotten: a full bucket and none are the same."""


@dataclass(slots=True)
class Requests:
    """A token bucket a name, each kept as the time at which it is full again (GCRA, ITU-T I.371)."""

    full_at_s: dict[str, float] = field(default_factory=dict)

    def take(self, name: str, per_minute: int, now_s: float) -> float:
        """Returns 0 and counts a request, or the seconds until there is room for one; a minute's may come at once."""
        full_at_s = max(self.full_at_s.get(name, now_s), now_s) + MINUTE_S / per_minute
        # A minute's requests, taken at once, end at 60 s but for the error of their sum.
        wait_s = full_at_s - MINUTE_S - now_s
        if wait_s > 1e-6:
            return wait_s
        self._prune(now_s)
        self.full_at_s[name] = full_at_s
        return 0.0

    def _prune(self, now_s: float) -> None:
        if len(self.full_at_s) >= PRUNE_AT:
            self.full_at_s = {name: at_s for name, at_s in self.full_at_s.items() if at_s > now_s}


@dataclass(slots=True)
class Leases:
    """The sessions of each name, and who holds them, in this process: they need no end of their own."""

    holders: dict[str, dict[str, str]] = field(default_factory=dict)

    def take(self, lease: Lease, most: int | None) -> bool:
        """Returns whether the session is one of at most `most` (None: any number) now.

        A session that is there already gets the new holder and counts once.
        """
        held = self.holders.get(lease.name, {})
        if most is not None and len(held.keys() - {lease.session_id}) >= most:
            return False
        self.holders.setdefault(lease.name, {})[lease.session_id] = lease.holder
        return True

    def all(self) -> list[Lease]:
        """Returns every lease that is held."""
        return [
            Lease(name, session_id, holder)
            for name, held in self.holders.items()
            for session_id, holder in held.items()
        ]

    def release(self, lease: Lease) -> None:
        """Ends a lease, unless another holder took it over."""
        held = self.holders.get(lease.name, {})
        if held.get(lease.session_id) == lease.holder:
            del held[lease.session_id]
        if not held:
            self.holders.pop(lease.name, None)
