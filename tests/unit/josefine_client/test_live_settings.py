"""Where a session connects to, and what it says there."""

import subprocess
import sys

import pytest

from josefine_client.errors import SessionError
from josefine_client.live.settings import Address


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("ws://host:8080", "ws://host:8080/v1/listen?resume=true"),
        ("ws://host:8080/", "ws://host:8080/v1/listen?resume=true"),
        ("https://host", "wss://host/v1/listen?resume=true"),
        ("http://host/speech/v1/listen", "ws://host/speech/v1/listen?resume=true"),
    ],
)
def test_an_address_may_be_short(url, whole):
    assert Address(url).with_parameters({"resume": "true"}) == whole


def test_options_are_written_as_the_server_reads_them():
    options = {
        "model": "tiny.en",
        "punctuate": True,
        "vad_events": False,
        "endpointing": 300,
        "keyterm": ["a b", "c&d"],
    }
    assert Address("ws://h", options).with_parameters({"sequence_id": "3,5"}) == (
        "ws://h/v1/listen?model=tiny.en&punctuate=true&vad_events=false&endpointing=300"
        "&keyterm=a+b&keyterm=c%26d&sequence_id=3%2C5"
    )


@pytest.mark.parametrize("url", ["host:8080", "ftp://host", "ws://", "ws://host?model=x"])
def test_an_address_that_makes_no_sense_is_refused(url):
    with pytest.raises(SessionError, match="address"):
        Address(url)


def test_what_the_session_says_itself_is_no_option():
    with pytest.raises(SessionError, match="option resume: the session sets it"):
        Address("ws://host", {"resume": "x"})


def test_the_key_is_a_header_and_shows_nowhere_else():
    address = Address("ws://host", api_key="secret")
    assert address.headers == {"Authorization": "Token secret"}
    assert "secret" not in repr(address)
    assert Address("ws://host").headers == {}


def test_only_sessions_over_a_websocket_need_its_package():
    program = (
        "import sys; sys.modules['websockets'] = None\n"
        "import josefine_client.live.kafka_session, josefine_client.live.resumption, josefine_client.publisher"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
