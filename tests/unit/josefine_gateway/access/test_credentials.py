import pytest

from josefine_gateway.access.credentials import MOST_CHARACTERS, presented
from josefine_gateway.access.errors import CredentialError

KEY = "jsf_0123456789-ABCDEFG_xyz"


def _headers(*pairs):
    return [(name.encode(), value.encode("latin-1")) for name, value in pairs]


@pytest.mark.parametrize("scheme", ["Token", "token", "bearer", "Bearer", "BEARER"])
def test_the_scheme_is_taken_in_any_case(scheme):
    found = presented(_headers(("authorization", f"{scheme} {KEY}")), websocket=False)
    assert found.key == KEY
    assert found.subprotocol is None


@pytest.mark.parametrize("protocol", [f"token, {KEY}", f"token,{KEY}", f"bearer, {KEY}"])
def test_browsers_send_it_as_a_subprotocol_and_are_answered_with_it(protocol):
    found = presented(_headers(("sec-websocket-protocol", protocol)), websocket=True)
    assert (found.key, found.subprotocol) == (KEY, protocol.split(",")[0])


def test_a_request_without_a_key_is_no_error_yet():
    assert presented([], websocket=True) is None
    assert presented(_headers(("sec-websocket-protocol", "chat")), websocket=True) is None


@pytest.mark.parametrize(
    "pairs",
    [
        [("authorization", f"Token {KEY}"), ("authorization", f"Token {KEY}")],
        [("authorization", f"Token {KEY}"), ("sec-websocket-protocol", f"token, {KEY}")],
        [("sec-websocket-protocol", "token"), ("sec-websocket-protocol", KEY)],
        [("sec-websocket-protocol", "token")],
        [("sec-websocket-protocol", f"token, {KEY}, {KEY}")],
        [("sec-websocket-protocol", "token, ")],
        [("authorization", KEY)],
        [("authorization", f"Basic {KEY}")],
        [("authorization", "Token ")],
        [("authorization", "")],
        [("authorization", f"Token {KEY} {KEY}")],
        [("authorization", f"Token {KEY}\x00")],
        [("authorization", f"Token {KEY}\x7f")],
        [("authorization", "Token k\xe9y")],
        [("authorization", f"Token\t{KEY}")],
        [("authorization", "Token " + "k" * (MOST_CHARACTERS + 1))],
    ],
)
def test_what_is_repeated_malformed_or_too_long_is_refused(pairs):
    with pytest.raises(CredentialError):
        presented(_headers(*pairs), websocket=True)


def test_the_subprotocol_carries_a_key_only_at_a_websocket():
    with pytest.raises(CredentialError):
        presented(_headers(("sec-websocket-protocol", f"token, {KEY}")), websocket=False)


def test_a_cookie_is_no_key():
    assert presented(_headers(("cookie", f"josefine={KEY}")), websocket=True) is None


def test_a_key_is_not_shown():
    assert KEY not in repr(presented(_headers(("authorization", f"Token {KEY}")), websocket=False))


def test_a_refusal_does_not_show_what_was_sent():
    with pytest.raises(CredentialError) as caught:
        presented(_headers(("authorization", f"Basic {KEY}")), websocket=False)
    assert KEY not in str(caught.value)
    assert caught.value.headers() == {"www-authenticate": "Token"}
