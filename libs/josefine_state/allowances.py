"""What replicas count together in Redis: sessions that run under a name, and requests in a time.

Sessions are leases: a hash a name, a field a session, its value when the lease ends (ms since 1970 by the clock of
Redis) and who holds it. A replica that dies stops renewing, and its leases end. Each script touches one key, so that a
Redis Cluster can run it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from josefine_state.line import Line

_NOW: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""

_TAKE: Final = f"""{_NOW}
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  if tonumber(string.match(all[at + 1], '^%d+')) <= now then
    redis.call('HDEL', KEYS[1], all[at])
  elseif all[at] ~= ARGV[1] then
    others = others + 1
  end
end
if others >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now + ARGV[4], ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
"""KEYS: the hash. ARGV: session, holder, most sessions, ms to live. Returns 0 where there are as many already."""

_RENEW: Final = f"""{_NOW}
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, ' (.*)$') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now + ARGV[3], ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
"""KEYS: the hash. ARGV: session, holder, ms to live. A lease that Redis forgot is there again."""

_RELEASE: Final = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, ' (.*)$') == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
"""
"""KEYS: the hash. ARGV: session, holder."""

_REQUEST: Final = f"""{_NOW}
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + tonumber(ARGV[1])
local wait = full_at - tonumber(ARGV[2]) - now
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.3f', full_at), 'PX', math.ceil(full_at - now))
return 0
"""
"""KEYS: a number. ARGV: ms in which a token comes, ms in which an empty bucket fills. Returns ms to wait.

A token bucket as one number, the time at which it is full again (GCRA, ITU-T I.371).
"""

LEASE_S: Final = 30.0
"""How long the sessions of a dead replica count on."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One session under a name; who holds it may renew and release it, until another took it over."""

    name: str
    session_id: str
    holder: str


class SharedAllowances:
    """Counts in Redis. Any thread; every method raises StoreError where Redis does not answer."""

    def __init__(self, line: Line, ttl_s: float = LEASE_S) -> None:
        """Leases end `ttl_s` seconds after they were renewed last."""
        self._line = line
        self._ttl_ms = int(ttl_s * 1000)

    def take(self, lease: Lease, most: int) -> bool:
        """Returns whether the session is one of at most `most` now.

        A session that is there already gets the new holder and counts once.
        """
        arguments = (lease.session_id, lease.holder, most, self._ttl_ms)
        return bool(self._line.run(_TAKE, [(_sessions(lease), arguments)])[0])

    def renew(self, leases: Sequence[Lease]) -> None:
        """Puts the end of leases off; those that another holder took over stay his."""
        calls = [(_sessions(lease), (lease.session_id, lease.holder, self._ttl_ms)) for lease in leases]
        if calls:
            self._line.run(_RENEW, calls)

    def release(self, lease: Lease) -> None:
        """Ends a lease, unless another holder took it over."""
        self._line.run(_RELEASE, [(_sessions(lease), (lease.session_id, lease.holder))])

    def request(self, name: str, per_minute: int) -> float:
        """Returns 0 and counts a request, or the seconds until there is room for one; a minute's may come at once."""
        minute_ms = 60_000
        arguments = (minute_ms / per_minute, minute_ms)
        return float(self._line.run(_REQUEST, [(f"josefine:requests:{name}", arguments)])[0]) / 1000


def _sessions(lease: Lease) -> str:
    return f"josefine:leases:{lease.name}"
