import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_gateway.access.allowances import OwnAllowances, SharedOrOwn
from josefine_gateway.access.counting import PRUNE_AT, Leases, Requests
from josefine_gateway.access.errors import FullError, LimitError
from josefine_gateway.access.limits import Limits, Replica, ReplicaLimits
from josefine_gateway.access.principal import Principal
from josefine_stage.errors import StoreError
from josefine_state.allowances import Lease

ROOM = ReplicaLimits(max_sessions=100, max_bytes=1_000)


def test_a_minutes_requests_may_come_at_once_and_then_one_at_a_time():
    requests = Requests()
    assert [requests.take("key", 60, 0.0) for _ in range(60)] == [0.0] * 60
    assert requests.take("key", 60, 0.0) == pytest.approx(1.0)
    assert requests.take("key", 60, 0.5) == pytest.approx(0.5)
    assert requests.take("key", 60, 1.0) == 0.0
    assert requests.take("key", 60, 1.0) == pytest.approx(1.0)
    assert requests.take("other", 60, 1.0) == 0.0


@given(st.integers(1, 500), st.lists(st.floats(0, 5), max_size=200))
def test_never_more_than_the_bucket_and_what_dripped_into_it(per_minute, gaps_s):
    requests, now_s, taken = Requests(), 0.0, 0
    for gap_s in gaps_s:
        now_s += gap_s
        wait_s = requests.take("key", per_minute, now_s)
        taken += wait_s == 0
        assert taken <= per_minute + per_minute * now_s / 60 + 1e-3
        assert wait_s <= 60 / per_minute + 1e-6


@given(st.integers(1, 500), st.lists(st.floats(0, 5), min_size=1, max_size=100))
def test_who_waits_as_told_is_served(per_minute, gaps_s):
    requests, now_s = Requests(), 0.0
    for gap_s in gaps_s:
        now_s += gap_s
        if wait_s := requests.take("key", per_minute, now_s):
            now_s += wait_s
            assert requests.take("key", per_minute, now_s) == 0.0


def test_names_that_are_quiet_are_forgotten():
    requests = Requests()
    for number in range(2 * PRUNE_AT):
        requests.take(f"key-{number}", 1_000, float(number))
    assert len(requests.full_at_s) <= PRUNE_AT


def test_a_session_that_another_connection_goes_on_with_counts_once():
    leases = Leases()
    first, second = Lease("key", "session", "a"), Lease("key", "session", "b")
    assert leases.take(first, 1)
    assert leases.take(second, 1)
    leases.release(first)
    assert not leases.take(Lease("key", "other", "c"), 1)
    leases.release(second)
    assert leases.take(Lease("key", "other", "c"), 1)


def _limits(**changed):
    return Limits(OwnAllowances(), Replica(ReplicaLimits(**{"max_sessions": 100, "max_bytes": 1_000} | changed)))


def _bearer(**limits):
    return Principal("key", frozenset(), **limits)


def test_the_session_after_the_last_is_refused_until_one_ends():
    async def scene():
        limits, bearer = _limits(), _bearer(max_sessions=2)
        async with AsyncExitStack() as stack:
            for name in ("a", "b"):
                await stack.enter_async_context(limits.session(bearer, name))
            with pytest.raises(LimitError) as caught:
                await stack.enter_async_context(limits.session(bearer, "c"))
            assert limits.replica.sessions == 2
        async with limits.session(bearer, "c"):
            return caught.value

    refusal = asyncio.run(scene())
    assert refusal.status == 429
    assert refusal.headers() == {"retry-after": "5"}


def test_a_session_that_fails_gives_its_place_back():
    async def scene():
        limits, bearer = _limits(), _bearer(max_sessions=1)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                async with limits.session(bearer, "a"):
                    raise RuntimeError
        assert limits.replica.sessions == 0

    asyncio.run(scene())


def test_requests_are_refused_with_whole_seconds_to_wait():
    async def scene():
        limits, bearer = _limits(), _bearer(requests_per_minute=1)
        await limits.request(bearer)
        with pytest.raises(LimitError) as caught:
            await limits.request(bearer)
        assert 1 <= int(caught.value.headers()["retry-after"]) <= 60
        for _ in range(10):
            await limits.request(_bearer())

    asyncio.run(scene())


def test_a_replica_has_its_own_limits():
    async def scene():
        limits = _limits(max_sessions=1)
        async with limits.session(_bearer(), "a"):
            with pytest.raises(FullError) as caught:
                await limits.session(_bearer(), "b").__aenter__()
        assert caught.value.status == 503
        assert limits.replica.sessions == 0

    asyncio.run(scene())


def test_who_brings_bytes_waits_until_there_is_room():
    async def scene():
        replica = Replica(ROOM)
        await replica.room()
        replica.add_bytes(5_000)
        waiting = [asyncio.ensure_future(replica.room()) for _ in range(3)]
        replica.remove_bytes(3_000)
        done, _ = await asyncio.wait(waiting, timeout=0)
        assert not done
        replica.remove_bytes(1_500)
        await asyncio.gather(*waiting)

    asyncio.run(scene())


class Silent:
    def take(self, *_):
        raise StoreError("silent")

    request = release = renew = take


def test_while_redis_is_silent_a_replica_counts_alone():
    async def scene():
        allowances = SharedOrOwn(Silent(), OwnAllowances(lambda: 0.0))
        first, second = Lease("key", "a", "1"), Lease("key", "b", "2")
        assert await allowances.take(first, 1)
        assert await allowances.take(Lease("other", "a", "1"), 1)
        assert not await allowances.take(second, 1)
        await allowances.renew()
        await allowances.release(first)
        assert await allowances.take(second, 1)
        assert await allowances.request("key", 1) == 0
        assert await allowances.request("key", 1) == pytest.approx(60)

    asyncio.run(scene())


def test_what_is_held_is_renewed():
    renewed = []

    class Shared(Silent):
        def take(self, *_):
            return True

        def renew(self, leases):
            renewed.append(leases)

    async def scene():
        allowances = SharedOrOwn(Shared(), OwnAllowances())
        lease = Lease("key", "a", "1")
        await allowances.take(lease, 1)
        await allowances.renew()
        await allowances.release(lease)
        await allowances.renew()
        return lease

    lease = asyncio.run(scene())
    assert renewed == [[lease], []]
