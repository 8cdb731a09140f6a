"""The command `josefine keys` with a file; Redis answers the same way (tests/conformance/test_key_books.py)."""

import json
import stat

import pytest
from typer.testing import CliRunner

from josefine_cli import main
from josefine_cli.errors import CliError
from josefine_state.api_keys import digest_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.jsonl"


def _keys(*arguments):
    done = CliRunner().invoke(main.app, ["keys", *map(str, arguments)])
    if isinstance(done.exception, CliError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_key_is_printed_once_and_only_its_digest_is_kept(path):
    key = _keys("create", "--file", path, "--id", "phone", "--max-sessions", 3).strip()
    record = json.loads(path.read_text())
    assert record["hash"] == digest_of(key)
    assert (record["id"], record["max_sessions"], record["scopes"]) == ("phone", 3, ["listen", "read"])
    assert key not in path.read_text()
    assert key not in _keys("list", "--file", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_are_long_and_never_the_same(path):
    keys = {_keys("create", "--file", path).strip() for _ in range(3)}
    assert len(keys) == 3
    assert all(len(key) == 47 for key in keys)


def test_a_secret_for_callbacks_is_printed_below_the_key(path):
    _, secret = _keys("create", "--file", path, "--sign-callbacks").split()
    assert json.loads(path.read_text())["callback_secret"] == secret
    assert secret not in _keys("list", "--file", path)


def test_a_key_is_revoked_and_remarks_stay(path):
    path.write_text("# our keys\n")
    path.chmod(0o640)
    for name in ("phone", "desk"):
        _keys("create", "--file", path, "--id", name, "--scope", "console")
    _keys("revoke", "phone", "--file", path)
    remark, phone, desk = path.read_text().splitlines()
    assert remark == "# our keys"
    assert json.loads(phone)["revoked"]
    assert not json.loads(desk)["revoked"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "revoked" in _keys("list", "--file", path)


def test_a_line_without_its_break_is_not_run_into(path):
    _keys("create", "--file", path, "--id", "one")
    path.write_text(path.read_text().rstrip("\n"))
    _keys("create", "--file", path, "--id", "two", "--days", 30)
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["one", "two"]


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        (["create"], "--file PATH or --redis URL", 2),
        (["create", "--file", "x", "--redis", "redis://x"], "--file PATH or --redis URL", 2),
        (["list", "--redis", "nonsense"], "REDIS_URL", 2),
        (["create", "--file", "{path}", "--id", "no good"], "--id", 2),
        (["create", "--file", "{path}/below/keys"], "below", 1),
        (["revoke", "nobody", "--file", "{path}"], "nobody", 1),
    ],
)
def test_what_is_asked_wrongly_is_said_in_a_line(path, arguments, words, status):
    with pytest.raises(CliError) as caught:
        _keys(*[argument.format(path=path) for argument in arguments])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == status
