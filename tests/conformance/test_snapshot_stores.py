"""Snapshot stores: the same behaviour in memory and in Redis."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import redis
from deadlines import wait_until
from redis_servers import RedisServers

from josefine_stage.errors import ConfigurationError, StoreError, StoreFencedError
from josefine_stage.handler import Snapshot
from josefine_stage.memory import MemoryStore
from josefine_stage.ports import SnapshotStore
from josefine_state.connection import connect
from josefine_state.store import RedisStore


@pytest.fixture(params=["memory", "redis", "cluster", "sentinel"])
def store(request: pytest.FixtureRequest) -> SnapshotStore:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "redis":
        return RedisStore(request.getfixturevalue("broker_of_kind")("kafka").redis_url, "conformance", ttl_s=60)
    return RedisStore(request.getfixturevalue(f"redis_{request.param}").url, "conformance", ttl_s=60)


@pytest.fixture
def key() -> str:
    return f"{uuid.uuid4().hex}/0"


def test_versions_stand_side_by_side_until_they_are_dropped(store: SnapshotStore, key: str) -> None:
    first, second = Snapshot(10, b"\x00first"), Snapshot(20, b"second", over=True)
    store.save({key: first}, {key: 10}, 1)
    store.save({key: second}, {key: 10}, 1)
    assert list(store.load([key], 1)[key]) == [first, second]
    store.save({key: Snapshot(30, b"third")}, {key: 20}, 1)
    assert [snapshot.version for snapshot in store.load([key], 1)[key]] == [20, 30]


def test_what_was_dropped_gives_its_memory_back(broker_of_kind: Callable[[str], Any], key: str) -> None:
    url = broker_of_kind("kafka").redis_url
    store = RedisStore(url, "conformance", ttl_s=60)
    store.save({key: Snapshot(10, bytes(2000))}, {key: 10}, 1)
    end = Snapshot(20, b"end", over=True)
    store.save({key: end}, {key: 10}, 1)
    store.save({key: end}, {key: 20}, 1)
    assert list(store.load([key], 1)[key]) == [end]
    with redis.Redis.from_url(url) as client:
        (name,) = client.keys(f"*{key}")
        assert client.memory_usage(name) < 300
        assert 0 < client.ttl(name) <= 60


def test_many_sessions_at_once(store: SnapshotStore) -> None:
    keys = [f"{uuid.uuid4().hex}/{channel}" for channel in range(50)]
    store.save({key: Snapshot(1, key.encode()) for key in keys}, dict.fromkeys(keys, 0), 1)
    assert {key: found[0].state for key, found in store.load(keys, 1).items()} == {key: key.encode() for key in keys}


def test_an_unknown_session_has_no_snapshot(store: SnapshotStore, key: str) -> None:
    assert key not in store.load([key], 1)
    assert store.load([], 1) == {}


def test_a_version_that_is_saved_again_is_one_version(store: SnapshotStore, key: str) -> None:
    store.save({key: Snapshot(10, b"a")}, {key: 0}, 1)
    store.save({key: Snapshot(10, b"a")}, {key: 0}, 1)
    assert [snapshot.version for snapshot in store.load([key], 1)[key]] == [10]


def test_an_earlier_epoch_can_neither_read_nor_write_what_a_later_one_has_read(store: SnapshotStore, key: str) -> None:
    store.save({key: Snapshot(10, b"a")}, {key: 0}, 7)
    store.load([key], 8)
    with pytest.raises(StoreFencedError):
        store.save({key: Snapshot(20, b"zombie")}, {key: 20}, 7)
    with pytest.raises(StoreFencedError):
        store.load([key], 7)
    assert [snapshot.state for snapshot in store.load([key], 8)[key]] == [b"a"]


def test_one_session_of_a_later_epoch_does_not_keep_the_others_from_being_stored(
    store: SnapshotStore, key: str
) -> None:
    other = f"{uuid.uuid4().hex}/0"
    store.save({key: Snapshot(10, b"a")}, {key: 0}, 9)
    with pytest.raises(StoreFencedError):
        store.save({key: Snapshot(11, b"zombie"), other: Snapshot(1, b"b")}, {key: 0, other: 0}, 8)
    assert [snapshot.state for snapshot in store.load([other], 8)[other]] == [b"b"]


def test_a_session_that_is_not_stored_can_be_asked_for_by_any_epoch(store: SnapshotStore, key: str) -> None:
    assert store.load([key], 9) == {}
    assert store.load([key], 1) == {}


def test_the_stages_epoch_does_not_go_back(store: SnapshotStore) -> None:
    store.claim(100)
    store.claim(100)
    store.claim(101)
    with pytest.raises(StoreFencedError):
        store.claim(100)
    store.claim(3, anew=True)
    store.claim(4)


def test_stages_do_not_see_each_other(broker_of_kind: Callable[[str], object], key: str) -> None:
    url = broker_of_kind("kafka").redis_url
    ingest, feature = RedisStore(url, "ingest", 60), RedisStore(url, "feature", 60)
    ingest.save({key: Snapshot(1, b"ingest")}, {key: 0}, 1)
    assert key not in feature.load([key], 1)


def test_an_unreachable_store_is_named_without_its_password() -> None:
    store = RedisStore("redis://:secret@127.0.0.1:1/0", "conformance", 60, timeout_s=0.2)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1") as caught:
        store.load(["a"], 1)
    assert "secret" not in str(caught.value)


def test_a_url_that_cannot_be_read_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        RedisStore("nonsense", "conformance", 60)


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://",
        "redis+sentinel://127.0.0.1:1",
        "redis+sentinel://127.0.0.1:1/speech?unheard_of=1",
        "redis+ring://127.0.0.1:1",
        "redis://127.0.0.1:1?unheard_of=1",
    ],
)
def test_a_url_of_several_servers_that_cannot_be_read_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        RedisStore(url, "conformance", 60)


def test_tls_holds_for_sentinels_too() -> None:
    primary = connect("rediss+sentinel://127.0.0.1:1,127.0.0.1:2/speech/3?health_check_interval=30", 1.0)
    pool = primary.connection_pool
    assert pool.connection_kwargs["health_check_interval"] == 30
    assert pool.connection_kwargs["db"] == 3
    assert all(
        isinstance(sentinel.connection_pool.make_connection(), redis.SSLConnection)
        for sentinel in pool.sentinel_manager.sentinels
    )


def test_a_password_in_the_query_is_not_told() -> None:
    store = RedisStore("redis://127.0.0.1:1/0?password=secret", "conformance", 60, timeout_s=0.2)
    with pytest.raises(StoreError) as caught:
        store.load(["a"], 1)
    assert "secret" not in str(caught.value)


def test_a_cluster_that_is_down_at_start_is_named(key: str) -> None:
    store = RedisStore("redis+cluster://127.0.0.1:1", "conformance", 60, timeout_s=0.2)
    with pytest.raises(StoreError, match="cluster"):
        store.load([key], 1)


def test_a_session_goes_on_when_sentinel_names_another_primary(redis_that_fails_over: RedisServers, key: str) -> None:
    store = RedisStore(redis_that_fails_over.url, "conformance", 60)
    store.save({key: Snapshot(1, b"before")}, {key: 0}, 1)
    redis_that_fails_over.fail_over()

    def saved() -> bool:
        store.save({key: Snapshot(2, b"after")}, {key: 0}, 1)
        return True

    assert wait_until(saved, not_yet=StoreError)
    assert store.load([key], 1)[key][-1].state == b"after"
