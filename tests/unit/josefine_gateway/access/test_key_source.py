import asyncio
import os

import pytest

from josefine_gateway.access.errors import KeysSilentError
from josefine_gateway.access.key_source import LOOK_S, FileKeys, Remembering, StoredKeys
from josefine_gateway.access.keys import KeySettings, door
from josefine_stage.errors import ConfigurationError, StoreError
from josefine_state.api_keys import ApiKey, digest_of
from josefine_state.key_file import KeyFile


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def _key(name, **more):
    return ApiKey(id=name, hash=digest_of(name), **more)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def file(tmp_path):
    file = KeyFile(tmp_path / "keys.jsonl")
    file.add(_key("one"))
    return file


def _find(source, name):
    return asyncio.run(source.find(digest_of(name)))


def test_a_key_revoked_in_the_file_is_seen_without_a_restart(tmp_path, file, clock):
    source = FileKeys(tmp_path / "keys.jsonl", clock)
    assert not _find(source, "one").revoked
    assert file.revoke("one")
    file.add(_key("two"))
    assert _find(source, "two") is None
    clock.now_s += LOOK_S
    assert _find(source, "two").id == "two"
    assert _find(source, "one").revoked


def test_a_file_that_cannot_be_read_now_changes_nothing(tmp_path, file, clock):
    path = tmp_path / "keys.jsonl"
    source = FileKeys(path, clock)
    for break_ in (lambda: path.write_text("{"), path.unlink):
        break_()
        clock.now_s += LOOK_S
        assert _find(source, "one").id == "one"
    file.add(_key("two"))
    clock.now_s += LOOK_S
    assert (_find(source, "one"), _find(source, "two").id) == (None, "two")


def test_a_file_of_the_same_length_and_time_that_took_its_place_is_read(tmp_path, file, clock):
    path = tmp_path / "keys.jsonl"
    before = path.stat()
    source = FileKeys(path, clock)
    other = tmp_path / "other"
    other.write_text(_key("two").as_line() + "\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    clock.now_s += LOOK_S
    assert _find(source, "two").id == "two"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ":1: line"),
        ('{"id": "a", "hash": "00"}', ":1: hash"),
        ('# a remark\n\n{"id": "a", "sha": "x"}', ":3: "),
        ('{"id":"a","hash":"' + "0" * 64 + '","expires":"2030-01-01T00:00:00"}', "expires"),
        ('{"id":"a","hash":"' + "0" * 64 + '","scopes":["fly"]}', "scopes"),
        ("\n".join('{"id":"a","hash":"' + digit * 64 + '"}' for digit in "01"), "same id"),
        ("\n".join('{"id":"' + name + '","hash":"' + "0" * 64 + '"}' for name in "ab"), "same hash"),
    ],
)
def test_a_wrong_line_is_named_at_start(tmp_path, text, words):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        door(KeySettings("0.0.0.0", file=path))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


class Store:
    def __init__(self, *keys):
        self.keys = {key.hash: key for key in keys}
        self.silent = False
        self.asked = 0

    def find(self, digest):
        self.asked += 1
        if self.silent:
            raise StoreError("silent")
        return self.keys.get(digest)


def test_a_key_of_redis_is_remembered_for_seconds(clock):
    store = Store(_key("one"))
    source = StoredKeys(store, Remembering(fresh_s=5), clock)
    assert _find(source, "one").id == _find(source, "one").id == "one"
    assert store.asked == 1
    store.keys[digest_of("one")] = _key("one", revoked=True)
    clock.now_s += 5
    assert _find(source, "one").revoked


def test_while_redis_is_silent_known_keys_go_on_and_others_wait(clock):
    store = Store(_key("one"), _key("two"))
    source = StoredKeys(store, Remembering(fresh_s=5, silent_s=60), clock)
    _find(source, "one")
    store.silent = True
    clock.now_s += 10
    assert _find(source, "one").id == "one"
    with pytest.raises(KeysSilentError) as caught:
        _find(source, "two")
    assert caught.value.status == 503
    assert int(caught.value.headers()["retry-after"]) >= 1
    clock.now_s += 60
    with pytest.raises(KeysSilentError):
        _find(source, "one")


def test_a_key_that_is_gone_from_redis_is_forgotten(clock):
    store = Store(_key("one"))
    source = StoredKeys(store, Remembering(fresh_s=5), clock)
    _find(source, "one")
    store.keys.clear()
    clock.now_s += 5
    assert _find(source, "one") is None
    store.silent = True
    with pytest.raises(KeysSilentError):
        _find(source, "one")


def test_what_is_remembered_is_bounded_and_wrong_keys_do_not_count(clock):
    store = Store(*map(_key, "abc"))
    source = StoredKeys(store, Remembering(fresh_s=60, most_keys=2), clock)
    for name in ("a", "b", "wrong", "a", "wrong", "c", "a"):
        _find(source, name)
    assert store.asked == 5
    _find(source, "b")
    assert store.asked == 6
