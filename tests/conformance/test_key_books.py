"""Where API keys are written down: the same behaviour in a file and in Redis."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from redis_servers import RedisServers

from josefine_cli.keys import Book
from josefine_stage.errors import ConfigurationError, StoreError
from josefine_state.api_keys import ApiKey, Scope, digest_of, new_key
from josefine_state.key_file import KeyFile
from josefine_state.key_store import KEYS, KeyStore
from josefine_state.line import Line
from josefine_state.shared_secret import shared_secret


@pytest.fixture(params=["file", "server", "cluster"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Book:
    if request.param == "file":
        return KeyFile(tmp_path / "keys.jsonl")
    return KeyStore(Line(request.getfixturevalue(f"redis_{request.param}").url))


def _key(**more: object) -> ApiKey:
    return ApiKey.model_validate({"id": uuid.uuid4().hex, "hash": digest_of(new_key())} | more)


def _found(book: Book, id_: str) -> ApiKey | None:
    return next((key for key in book.all() if key.id == id_), None)


def test_what_was_added_is_there_as_it_was(book: Book) -> None:
    plain = _key()
    full = _key(
        scopes=[Scope.CONSOLE, Scope.CONSOLE],
        max_sessions=3,
        requests_per_minute=600,
        expires=datetime(2030, 1, 1, tzinfo=UTC),
        callback_secret="s" * 20,
    )
    book.add(plain)
    book.add(full)
    assert _found(book, plain.id) == plain
    assert _found(book, full.id) == full


def test_an_id_is_taken_once(book: Book) -> None:
    key = _key()
    book.add(key)
    with pytest.raises(ConfigurationError, match="already"):
        book.add(_key(id=key.id))
    assert _found(book, key.id) == key


def test_a_revoked_key_stays_in_the_list_and_others_as_they_were(book: Book) -> None:
    first, second = _key(callback_secret="s" * 20), _key()
    book.add(first)
    book.add(second)
    assert book.revoke(first.id)
    assert _found(book, first.id) == first.model_copy(update={"revoked": True})
    assert _found(book, second.id) == second


def test_an_unknown_key_cannot_be_revoked(book: Book) -> None:
    assert not book.revoke("nobody")


def test_redis_finds_a_key_by_its_digest(redis_server: RedisServers) -> None:
    store, key = KeyStore(Line(redis_server.url)), _key()
    store.add(key)
    assert store.find(key.hash) == key
    assert store.find(digest_of("another")) is None


def test_a_record_that_cannot_be_read_is_an_error_that_does_not_show_it(redis_server: RedisServers) -> None:
    digest = digest_of(new_key())
    client = redis.Redis.from_url(redis_server.url)
    client.hset(KEYS, digest, '{"id": "x", "callback_secret": "very secret"}')
    with pytest.raises(StoreError) as caught:
        KeyStore(Line(redis_server.url)).find(digest)
    client.hdel(KEYS, digest)
    assert "very secret" not in str(caught.value)


def test_redis_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as caught:
        KeyStore(Line("redis://:password@127.0.0.1:1", timeout_s=0.2)).all()
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("kind", ["server", "cluster"])
def test_replicas_make_one_secret(request: pytest.FixtureRequest, kind: str) -> None:
    url, name = request.getfixturevalue(f"redis_{kind}").url, uuid.uuid4().hex
    first, second = shared_secret(Line(url), name), shared_secret(Line(url), name)
    assert first == second
    assert len(first) == 32
    assert shared_secret(Line(url), "another") != first
