import logging
import re
import uuid
from dataclasses import replace

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from josefine_gateway.access.errors import (
    ResumeRefusedError,
    TokenExpiredError,
    TokenOfAnotherKeyError,
    TokenWrongError,
)
from josefine_gateway.access.resume_secret import resume_secret
from josefine_gateway.access.resume_token import MOST_CHARACTERS, ResumeToken, ResumeTokens
from josefine_stage.errors import ConfigurationError

TOKEN = ResumeToken(
    uuid.uuid4().hex, 1_700_000_000_000, "phone", uuid.uuid4().hex, 57, 1_234_567, 2, 1_700_000_060_000, "asked"
)
TOKENS = ResumeTokens(b"s" * 32, max_age_s=600)

_numbers = st.integers(0, 2**53)
_ids = st.text("0123456789abcdef-é", max_size=64)
_tokens = st.builds(ResumeToken, _ids, _numbers, _ids, _ids, *[_numbers] * 4, _ids)


@given(_tokens)
def test_a_token_comes_back_as_it_was(token):
    assert TOKENS.read(TOKENS.issue(token), token.key_id, token.at_ms) == token


def test_it_is_short_and_fits_a_url():
    text = TOKENS.issue(TOKEN)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", text)
    assert len(text) < 180


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_changed_token_is_wrong(at, character):
    text = TOKENS.issue(TOKEN)
    at %= len(text)
    changed = text[:at] + character + text[at + 1 :]
    try:
        assert TOKENS.read(changed, TOKEN.key_id, TOKEN.at_ms) == TOKEN
    except TokenWrongError:
        assert changed != text


@given(st.text(max_size=200))
def test_any_text_is_wrong(text):
    with pytest.raises(TokenWrongError):
        TOKENS.read(text, "phone", 0)


def test_one_of_another_secret_is_wrong():
    with pytest.raises(TokenWrongError):
        ResumeTokens(b"o" * 32, 600).read(TOKENS.issue(TOKEN), TOKEN.key_id, TOKEN.at_ms)


def test_one_that_is_very_long_is_not_looked_at():
    with pytest.raises(TokenWrongError):
        TOKENS.read("a" * (MOST_CHARACTERS + 1), "phone", 0)


def test_one_of_another_key_is_refused():
    with pytest.raises(TokenOfAnotherKeyError) as caught:
        TOKENS.read(TOKENS.issue(TOKEN), "desk", TOKEN.at_ms)
    assert (caught.value.status, caught.value.code) == (400, "RESUME_REFUSED")
    assert isinstance(caught.value, ResumeRefusedError)


def test_it_expires():
    text = TOKENS.issue(TOKEN)
    assert TOKENS.read(text, TOKEN.key_id, TOKEN.at_ms + 600_000) == TOKEN
    for now_ms in (TOKEN.at_ms + 600_001, TOKEN.at_ms - 61_000):
        with pytest.raises(TokenExpiredError):
            TOKENS.read(text, TOKEN.key_id, now_ms)


def test_a_clock_that_is_a_little_behind_does_not_matter():
    assert TOKENS.read(TOKENS.issue(replace(TOKEN)), TOKEN.key_id, TOKEN.at_ms - 500) == TOKEN


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="16"):
        ResumeTokens(b"short", 600)


def test_without_redis_the_secret_is_random_and_said_to_be():
    with structlog.testing.capture_logs() as logs:
        first, second = resume_secret(None, None), resume_secret(None, None)
    assert first != second
    assert [log["event"] for log in logs] == ["make_own_resume_secret"] * 2
    assert {log["log_level"] for log in logs} == {logging.getLevelName(logging.WARNING).lower()}
    assert resume_secret("n" * 32, None) == b"n" * 32


def test_a_short_secret_is_said_at_start():
    with pytest.raises(ConfigurationError, match="16"):
        resume_secret("", None)
