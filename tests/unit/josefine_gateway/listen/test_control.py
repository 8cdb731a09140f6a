import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_gateway.listen.control import LONGEST_TEXT, ControlError, parse_control

KNOWN = ("KeepAlive", "Finalize", "CloseStream")


def test_a_message_is_known_by_its_type():
    control = parse_control('{"type": "Finalize", "channel": 1}', KNOWN)
    assert (control.kind, control.content) == ("Finalize", {"type": "Finalize", "channel": 1})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "audio",
        "[]",
        '"Finalize"',
        "{}",
        '{"type": null}',
        '{"type": ["Finalize"]}',
        '{"type": "ForceEndTurn"}',
        "[" * 60_000,
        json.dumps({"type": "Finalize", "more": "x" * LONGEST_TEXT}),
    ],
)
def test_what_is_no_message_is_an_error_of_the_client(text):
    with pytest.raises(ControlError):
        parse_control(text, KNOWN)


@given(st.text())
def test_whatever_is_sent_is_read_or_refused_without_repeating_it(text):
    assert said_of(text) in KNOWN or len(said_of(text)) < 100


def said_of(text):
    try:
        return parse_control(text, KNOWN).kind
    except ControlError as error:
        return str(error)
