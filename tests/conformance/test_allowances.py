"""Allowances of keys: the same behaviour in one process and in Redis for all."""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from deadlines import wait_until
from redis_servers import RedisServers

from josefine_gateway.access.allowances import Allowances, OwnAllowances, SharedOrOwn
from josefine_state.allowances import Lease, SharedAllowances
from josefine_state.line import Line

Result = TypeVar("Result")


@pytest.fixture(params=["own", "server", "cluster"])
def allowances(request: pytest.FixtureRequest) -> Allowances:
    if request.param == "own":
        return OwnAllowances(lambda: 0.0)
    url = request.getfixturevalue(f"redis_{request.param}").url
    return SharedOrOwn(SharedAllowances(Line(url), ttl_s=60), OwnAllowances(lambda: 0.0))


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def _now(coroutine: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(coroutine)


def test_there_are_as_many_sessions_as_allowed_until_one_ends(allowances: Allowances, name: str) -> None:
    first, second, third = (Lease(name, session, "replica") for session in "abc")
    assert _now(allowances.take(first, 2))
    assert _now(allowances.take(second, 2))
    assert not _now(allowances.take(third, 2))
    assert _now(allowances.take(Lease(f"{name}-other", "a", "replica"), 1))
    _now(allowances.release(first))
    assert _now(allowances.take(third, 2))


def test_a_session_that_was_taken_over_counts_once_and_stays_with_its_new_holder(
    allowances: Allowances, name: str
) -> None:
    old, new, other = Lease(name, "a", "old"), Lease(name, "a", "new"), Lease(name, "b", "x")
    assert _now(allowances.take(old, 1))
    assert _now(allowances.take(new, 1))
    _now(allowances.release(old))
    assert not _now(allowances.take(other, 1))
    _now(allowances.release(new))
    assert _now(allowances.take(other, 1))


def test_requests_are_counted_by_name(allowances: Allowances, name: str) -> None:
    async def scene() -> list[float]:
        return [await allowances.request(name, 3) for _ in range(3)]

    assert _now(scene()) == [0.0, 0.0, 0.0]
    assert 0 < _now(allowances.request(name, 3)) <= 20
    assert _now(allowances.request(f"{name}-other", 3)) == 0


def test_two_replicas_count_together(redis_server: RedisServers, name: str) -> None:
    first, second = (SharedAllowances(Line(redis_server.url), ttl_s=60) for _ in range(2))
    assert first.take(Lease(name, "a", "first"), 1)
    assert not second.take(Lease(name, "b", "second"), 1)
    assert first.request(name, 1) == 0
    assert second.request(name, 1) > 0


def test_the_leases_of_a_dead_replica_end_and_those_of_a_live_one_do_not(redis_server: RedisServers, name: str) -> None:
    dead, alive = SharedAllowances(Line(redis_server.url), ttl_s=0.2), SharedAllowances(Line(redis_server.url), 60)
    assert dead.take(Lease(name, "a", "dead"), 2)
    lease = Lease(name, "b", "alive")
    assert dead.take(lease, 2)
    alive.renew([lease])
    assert wait_until(lambda: alive.take(Lease(name, "c", "new"), 2))
    assert not alive.take(Lease(name, "d", "new"), 2)


def test_a_renewal_brings_back_what_redis_lost_and_takes_nothing_from_a_new_holder(
    redis_server: RedisServers, name: str
) -> None:
    line = Line(redis_server.url)
    shared = SharedAllowances(line, ttl_s=60)
    old, new = Lease(name, "a", "old"), Lease(name, "a", "new")
    shared.renew([old])
    assert not shared.take(Lease(name, "b", "x"), 1)
    assert shared.take(new, 1)
    shared.renew([old])
    shared.release(old)
    assert not shared.take(Lease(name, "b", "x"), 1)
    shared.release(new)
    assert shared.take(Lease(name, "b", "x"), 1)
