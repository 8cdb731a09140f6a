"""Clients that break the protocol, flood or stall: each gets a clean end, and everybody else is served as before."""

import json
import random
import time
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest
from deadlines import wait_until
from gateways import gateway_beside
from raw_sockets import HOST, PATIENCE_S, UPGRADE, answer_to, closed, connected, frame, live, status_of
from websockets.exceptions import ConnectionClosed

WORDS = "ask not what your country can do for you"
MOST_GROWTH_BYTES = 32 * 1024 * 1024
"""An allocator keeps some of what it was asked for; a leak of every round is more."""


@pytest.fixture(scope="module")
def gateway(engine_of_kind):
    """A replica that is quick to give up; whatever it logs, no speech is in it."""
    with gateway_beside(
        engine_of_kind("kafka"), JOSEFINE_SLOW_SENDER_S="1", JOSEFINE_IDLE_CLOSE_S="2", JOSEFINE_RESUME_WINDOW_S="1"
    ) as running:
        yield running
        log = running.log.read_text()
        assert "live_session_opened" in log
        assert not [line for line in log.splitlines() if "ask not" in line.lower() or "country" in line.lower()]
        assert "resume=" not in log
        assert "Traceback" not in log


@pytest.fixture(autouse=True)
def healthy(gateway, sample_path):
    """After every test the replica hears what it heard before, and nothing is left of the test."""
    yield
    audio = sample_path("jfk.flac").read_bytes()
    answer = httpx.post(f"{gateway.url}/v1/listen", content=audio, timeout=PATIENCE_S)
    assert WORDS in answer.json()["results"]["channels"][0]["alternatives"][0]["transcript"]
    wait_until(lambda: gateway.status()["live_sessions"] == 0, awaited=lambda: f"no session left: {gateway.status()}")


def post(path, headers=b"", body=b""):
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


def get(path, headers=b"", version=b"1.1"):
    return b"GET " + path + b" HTTP/" + version + b"\r\n" + HOST + headers + b"\r\n"


SMUGGLED = get(b"/smuggled")
NONSENSE = {
    "noise": (random.Random(1).randbytes(400) + b"\r\n\r\n", 400),
    "noise without an end": (random.Random(2).randbytes(20_000), 431),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get(b"/", HOST), 400),
    "null in the path": (get(b"/\0"), 400),
    "null in a header": (get(b"/", b"X: a\0b\r\n"), 400),
    "long header": (get(b"/", b"X: " + b"a" * 100_000 + b"\r\n"), 431),
    "long line": (get(b"/" + b"a" * 100_000), 431),
    "two lengths": (post(b"/v1/read", b"Content-Length: 2\r\nContent-Length: 40\r\n", b"{}" + SMUGGLED), 400),
    "length and chunks": (
        post(b"/v1/read", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
        400,
    ),
    "space before the colon": (post(b"/v1/read", b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), 400),
    "unknown coding": (post(b"/v1/read", b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501),
    "negative length": (post(b"/v1/read", b"Content-Length: -1\r\n"), 400),
    "length with a sign": (post(b"/v1/read", b"Content-Length: +2\r\n", b"{}"), 400),
    "chunk that is none": (post(b"/v1/listen", b"Transfer-Encoding: chunked\r\n", b"ZZ\r\nhello"), 400),
    "upgrade with a body": (b"GET /v1/listen HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 5\r\n\r\nhello", 400),
    "upgrade of HTTP/1.0": (b"GET /v1/listen HTTP/1.0\r\n" + UPGRADE + b"\r\n", 400),
    "upgrade of a POST": (b"POST /v1/listen HTTP/1.1\r\n" + UPGRADE + b"\r\n", 405),
    "upgrade with many headers": (
        b"GET /v1/listen HTTP/1.1\r\n" + UPGRADE + b"".join(b"X%d: a\r\n" % n for n in range(200)) + b"\r\n",
        431,
    ),
    "upgrade with a long line": (b"GET /v1/listen?tag=" + b"a" * 10_000 + b" HTTP/1.1\r\n" + UPGRADE + b"\r\n", 414),
    "upgrade of another version": (b"GET /v1/listen HTTP/1.1\r\n" + UPGRADE.replace(b"13", b"8") + b"\r\n", 400),
    "upgrade without a key": (get(b"/v1/listen", b"Upgrade: websocket\r\nConnection: Upgrade\r\n"), 400),
    "upgrade at no path": (b"GET /nothing HTTP/1.1\r\n" + UPGRADE + b"\r\n", 404),
    "upgrade with an unknown option": (b"GET /v1/listen?%ff=%00 HTTP/1.1\r\n" + UPGRADE + b"\r\n", 400),
}
REFUSED = {
    "unknown path": (get(b"/nothing"), 404),
    "null, escaped": (get(b"/%00"), 404),
    "no UTF-8, escaped": (get(b"/%ff%fe"), 404),
    "other host's address": (get(b"http://example.org/"), 404),
    "proxy": (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "GET": (get(b"/v1/listen"), 405),
    "DELETE": (b"DELETE /v1/listen HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "TRACE": (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "unknown method": (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "rebinding": (b"POST /v1/read HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n", 403),
    "foreign page": (post(b"/v1/read", b"Origin: https://evil.example\r\nContent-Length: 0\r\n"), 403),
    "folded header": (post(b"/v1/read", b"Content-Length:\r\n 2\r\n", b"{}"), 400),
    "too long": (
        post(b"/v1/read", b"Content-Type: application/json\r\nContent-Length: 99999999999999999999\r\n"),
        413,
    ),
    "deep": (
        post(b"/v1/read", b"Content-Type: application/json\r\nContent-Length: 100000\r\n", b"[" * 100_000),
        400,
    ),
    **{
        f"traversal {path.decode()}": (get(b"/console/static/" + path), 404)
        for path in (b"../../settings.py", b"%2e%2e/%2e%2e/settings.py", b"..%2f..%2fpage.py", b"/etc/passwd")
    },
}


def test_nonsense_is_answered_once_and_the_connection_closed(gateway):
    for name, (request, expected) in NONSENSE.items():
        with connected(gateway.port) as connection:
            connection.sendall(request)
            assert status_of(connection) == expected, name
            assert closed(connection), name


def test_requests_that_are_refused_leave_the_connection_as_it_was(gateway):
    for name, (request, expected) in REFUSED.items():
        with connected(gateway.port) as connection:
            connection.sendall(request)
            assert status_of(connection) == expected, name


def test_old_clients_are_answered(gateway):
    assert answer_to(gateway.port, b"GET / HTTP/1.0\r\n\r\n") == 200
    assert answer_to(gateway.port, b"POST /v1/read HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}") == 400


def test_who_is_slow_holds_no_connection(gateway):
    slow = {
        "nothing": b"",
        "headers": b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        "second request": get(b"/nothing") + b"GET / HT",
        "body that nobody reads": post(b"/nothing", b"Content-Length: 1000\r\n", b"a"),
    }
    with ExitStack() as held:
        connections = [held.enter_context(connected(gateway.port)) for _ in slow]
        for connection, request in zip(connections, slow.values(), strict=True):
            connection.sendall(request)
        for connection in connections:
            while connection.recv(65_536):  # a timeout would be an error
                pass
    for path in (b"/v1/listen", b"/v1/audio/transcriptions"):
        headers = b"Content-Length: 1000\r\nContent-Type: multipart/form-data; boundary=a\r\n"
        assert answer_to(gateway.port, post(path, headers, b"--a\r\n")) == 408


def test_who_drips_holds_no_place(gateway):
    with connected(gateway.port) as connection:
        connection.sendall(post(b"/v1/listen", b"Content-Length: 1000000\r\n"))
        connection.settimeout(0.05)
        answer = b""
        while not answer:
            connection.sendall(b"\0")
            with suppress(TimeoutError):
                answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_connections_that_say_nothing_are_let_go(gateway):
    with ExitStack() as held:
        silent = [held.enter_context(connected(gateway.port)) for _ in range(100)]
        waiting = [held.enter_context(connected(gateway.port)) for _ in range(10)]
        for each in waiting:
            each.sendall(b"GET /v1/listen HTTP/1.1\r\n" + UPGRADE + b"\r\n")
        for each in silent:
            assert closed(each)
        for each in waiting:
            received = b""
            while piece := each.recv(65_536):
                received += piece
                if b"NET-0001" in received:
                    break
            assert b"NET-0001" in received


BROKEN = {
    "reserved bits": (frame(2, b"abc", reserved=0x40), 1002),
    "not masked": (frame(2, b"abc", masked=False), 1002),
    "no UTF-8": (frame(1, b"\xff\xfe"), 1007),
    "unknown opcode": (frame(3, b"a"), 1002),
    "continuation of nothing": (frame(0, b"a"), 1002),
    "a message within another": (frame(2, b"a", fin=False) + frame(1, b"b"), 1002),
    "long ping": (frame(9, b"a" * 200), 1002),
    "ping in parts": (frame(9, b"a", fin=False), 1002),
    "a frame of 2**63 bytes": (frame(2, b"abc", length=2**63 - 1), 1009),
    "parts that are too long together": (frame(2, bytes(5_000_000), fin=False) + frame(0, bytes(5_000_000)), 1009),
    "close code that is none": (frame(8, b"\x03\xe7"), 1002),
    "half a close code": (frame(8, b"a"), 1002),
}


def send_raw(websocket, data):
    """Sends bytes that are no message. The server may have closed the connection before it has them all."""
    with suppress(OSError):
        websocket.socket.sendall(data)


def test_a_broken_frame_is_answered_with_its_close_code(gateway):
    for name, (broken, code) in BROKEN.items():
        with live(gateway) as websocket:
            send_raw(websocket, broken)
            _, close = until_closed(websocket)
            assert close.code == code, name


def test_a_message_that_is_too_long_is_told_before_it_is_there(gateway):
    with live(gateway) as websocket:
        with suppress(ConnectionClosed):
            websocket.send(bytes(100_000_000))
        assert until_closed(websocket)[1].code == 1009


def until_closed(websocket):
    """Returns what comes to the end of the connection, and the close frame."""
    found = []
    try:
        while True:
            found.append(json.loads(websocket.recv(PATIENCE_S)))
    except ConnectionClosed as closed:
        return found, closed.rcvd


def test_noise_on_a_live_connection_ends_it(gateway):
    for seed in range(20):
        with live(gateway) as websocket:
            send_raw(websocket, random.Random(seed).randbytes(3_000))
            _, close = until_closed(websocket)
            assert close.code in {1002, 1007, 1009, 1011}, seed


def messages(websocket):
    """Returns what the session has to say to its end."""
    websocket.send('{"type": "CloseStream"}')
    found, close = until_closed(websocket)
    assert close.code == 1000
    return found


def test_text_for_audio_and_audio_for_text(gateway):
    with live(gateway) as websocket:
        for text in ("hello", "\0\0", "[" * 50_000, '{"type": 1}', '{"type":"Configure","a":"\\ud800"}', "a" * 100_000):
            websocket.send(text)
        websocket.send(b'{"type": "CloseStream"}')
        kinds = [message["type"] for message in messages(websocket)]
    assert kinds.count("Error") == 5
    assert kinds.count("ConfigureFailure") == 1
    assert kinds[-1] == "Metadata"


def test_a_flood_of_small_frames_is_one_stream(gateway):
    with live(gateway) as websocket:
        for _ in range(10_000):
            websocket.send('{"type": "KeepAlive"}')
        for _ in range(4_000):
            websocket.send(b"\0")
        assert messages(websocket)[-1]["duration"] == pytest.approx(2_000 / 16_000)


def test_finalize_is_not_answered_faster_than_the_pipeline_should_be_asked(gateway):
    with live(gateway, close_timeout=0.1) as websocket:
        begun_s = time.monotonic()
        websocket.socket.sendall(frame(1, b'{"type": "Finalize"}') * 10_000)
        answered = 0
        while answered < 20:
            answered += json.loads(websocket.recv(PATIENCE_S))["type"] == "Results"
        # The bucket's own rate: a slow machine answers fewer.
        assert answered <= 11 + (time.monotonic() - begun_s) / 0.1


def test_memory_does_not_grow_with_what_was_refused(gateway):
    process = psutil.Process(gateway.pid)
    resident = []
    for _ in range(4):
        for request, _ in list(NONSENSE.values()) * 3:
            answer_to(gateway.port, request)
        for _ in range(5):
            with live(gateway) as websocket:
                # Half a message, without end.
                send_raw(websocket, frame(2, bytes(2_000_000), fin=False) + frame(0, b"", fin=False) * 10_000)
                send_raw(websocket, frame(3))
                until_closed(websocket)
        resident.append(process.memory_info().rss)
    assert resident[-1] - resident[0] < MOST_GROWTH_BYTES, resident
