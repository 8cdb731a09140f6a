"""Snapshot stores: the same behaviour in memory and in Redis."""

import uuid
from collections.abc import Callable

import pytest

from josefine_stage.errors import ConfigurationError, StoreError
from josefine_stage.handler import Snapshot
from josefine_stage.memory import MemoryStore
from josefine_stage.ports import SnapshotStore
from josefine_state.store import RedisStore


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> SnapshotStore:
    if request.param == "memory":
        return MemoryStore()
    stack = request.getfixturevalue("broker_of_kind")("kafka")
    return RedisStore(stack.redis_url, "conformance", ttl_s=60)


@pytest.fixture
def key() -> str:
    return f"{uuid.uuid4().hex}/0"


def test_versions_stand_side_by_side_until_they_are_dropped(store: SnapshotStore, key: str) -> None:
    first, second = Snapshot(10, b"\x00first"), Snapshot(20, b"second", over=True)
    store.save({key: first}, {key: 10})
    store.save({key: second}, {key: 10})
    assert list(store.load([key])[key]) == [first, second]
    store.save({key: Snapshot(30, b"third")}, {key: 20})
    assert [snapshot.version for snapshot in store.load([key])[key]] == [20, 30]


def test_an_unknown_session_has_no_snapshot(store: SnapshotStore, key: str) -> None:
    assert key not in store.load([key])
    assert store.load([]) == {}


def test_a_version_that_is_saved_again_is_one_version(store: SnapshotStore, key: str) -> None:
    store.save({key: Snapshot(10, b"a")}, {key: 0})
    store.save({key: Snapshot(10, b"a")}, {key: 0})
    assert [snapshot.version for snapshot in store.load([key])[key]] == [10]


def test_stages_do_not_see_each_other(broker_of_kind: Callable[[str], object], key: str) -> None:
    url = broker_of_kind("kafka").redis_url
    ingest, feature = RedisStore(url, "ingest", 60), RedisStore(url, "feature", 60)
    ingest.save({key: Snapshot(1, b"ingest")}, {key: 0})
    assert key not in feature.load([key])


def test_an_unreachable_store_is_named_without_its_password() -> None:
    store = RedisStore("redis://:secret@127.0.0.1:1/0", "conformance", 60, timeout_s=0.2)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1") as caught:
        store.load(["a"])
    assert "secret" not in str(caught.value)


def test_a_url_that_cannot_be_read_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        RedisStore("nonsense", "conformance", 60)
