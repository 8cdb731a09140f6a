import asyncio
import hmac
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from josefine_gateway.access import keys
from josefine_gateway.access.errors import CredentialError, ForeignPageError, ScopeError
from josefine_gateway.access.key_source import FileKeys
from josefine_gateway.access.keys import NOBODY, KeySettings, LockedDoor, OpenDoor, door, matching
from josefine_stage.errors import ConfigurationError
from josefine_state.api_keys import ApiKey, Scope, digest_of, new_key
from josefine_state.line import Line

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = new_key()
KEY = ApiKey(id="phone", hash=digest_of(SECRET), max_sessions=3, requests_per_minute=60, callback_secret="s" * 16)


class Source:
    def __init__(self, *known):
        self.known = {key.hash: key for key in known}

    async def find(self, digest):
        return self.known.get(digest)


def _who(door, key=SECRET, *more, **asked):
    headers = [(b"authorization", f"Token {key}".encode())] if key else []
    return asyncio.run(door.who([*headers, *more], **asked))


def _locked(*known):
    return LockedDoor(Source(*known), lambda: NOW)


def test_a_good_key_says_who_it_is_and_what_it_may():
    who = _who(_locked(KEY)).principal
    assert (who.key_id, who.max_sessions, who.requests_per_minute) == ("phone", 3, 60)
    assert who.callback_secret == "s" * 16
    assert "s" * 16 not in repr(who)
    who.require(Scope.LISTEN)
    with pytest.raises(ScopeError, match="console"):
        who.require(Scope.CONSOLE)


@pytest.mark.parametrize(
    "change",
    [{"revoked": True}, {"expires": NOW}, {"expires": NOW - timedelta(days=1)}, {"hash": digest_of("another")}],
)
def test_unknown_revoked_and_expired_keys_are_refused_with_the_same_words(change):
    with pytest.raises(CredentialError, match=r"^Invalid credentials\.$"):
        _who(_locked(KEY.model_copy(update=change)))


def test_a_key_is_good_until_it_expires():
    assert _who(_locked(KEY.model_copy(update={"expires": NOW + timedelta(seconds=1)}))).principal.key_id == "phone"


def test_a_missing_key_is_refused():
    with pytest.raises(CredentialError, match="missing"):
        _who(_locked(KEY), None)


def test_known_and_unknown_keys_take_one_comparison_of_digests_of_one_length(monkeypatch):
    compared = []

    def compare(left, right):
        compared.append((left, right))
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(keys, "hmac", SimpleNamespace(compare_digest=compare))
    assert matching(KEY.hash, KEY) is KEY
    assert matching(KEY.hash, None) is None
    assert matching(KEY.hash, KEY.model_copy(update={"hash": digest_of("another")})) is None
    assert len(compared) == 3
    assert {len(side) for pair in compared for side in pair} == {64}


def test_nobody_is_no_key_even_for_its_digest():
    assert matching(NOBODY.hash, None) is None


def test_open_access_takes_any_key_and_answers_the_subprotocol():
    known = _who(OpenDoor(only_this_machine=True), None, (b"sec-websocket-protocol", b"token, x"), websocket=True)
    assert known.subprotocol == "token"
    proxied = (b"authorization", b"Basic eDp5")
    assert _who(OpenDoor(only_this_machine=False), None, proxied).subprotocol is None
    assert known.principal.scopes == frozenset(Scope)


def test_open_access_on_loopback_is_not_for_other_peoples_pages():
    open_door = OpenDoor(only_this_machine=True)
    with pytest.raises(ForeignPageError):
        _who(open_door, None, (b"origin", b"https://evil.example"), (b"host", b"localhost:80"))
    with pytest.raises(ForeignPageError):
        _who(open_door, None, (b"origin", b"http://rebound.example"), (b"host", b"rebound.example"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_without_keys_a_loopback_server_is_open(host):
    assert isinstance(door(KeySettings(host)), OpenDoor)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.1", "speech.example"])
def test_without_keys_any_other_server_does_not_start_unless_it_is_said(host):
    with pytest.raises(ConfigurationError, match="josefine keys create") as caught:
        door(KeySettings(host))
    assert "\n" not in str(caught.value)
    assert isinstance(door(KeySettings(host, open_access=True)), OpenDoor)


def test_only_one_place_of_keys(tmp_path):
    with pytest.raises(ConfigurationError, match="one of"):
        door(KeySettings("127.0.0.1", file=tmp_path / "keys", open_access=True))
    with pytest.raises(ConfigurationError, match="one of"):
        door(KeySettings("127.0.0.1", file=tmp_path / "keys", redis=Line("redis://127.0.0.1:1")))


def test_a_missing_file_is_named_at_start(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        FileKeys(tmp_path / "nowhere")
