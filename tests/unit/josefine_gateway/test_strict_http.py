"""Requests that two servers in a row may read differently are read by none."""

import h11
import pytest

from josefine_gateway.strict_http import HEADER_BYTES, StrictConnection

HOST = b"Host: a\r\n"


def event_of(request: bytes):
    connection = StrictConnection()
    connection.receive_data(request)
    try:
        return connection.next_event()
    except h11.RemoteProtocolError:
        return connection.refused_status


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nContent-Length: 5\r\n\r\nhello", 400),
        (b"GET / HTTP/1.0\r\n" + HOST + b"Upgrade: websocket\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * HEADER_BYTES + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * HEADER_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * HEADER_BYTES, 431),
    ],
)
def test_ambiguous_requests_are_refused(request_, status):
    assert event_of(request_) == status


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_plain_requests_pass(version):
    event = event_of(b"POST /v1/listen HTTP/" + version + b"\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc")
    assert isinstance(event, h11.Request)
