import base64
import hashlib
import socket
import struct
import threading

import pytest
from bench.peers.websocket import Closed, Message, WebSockets

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEADLINE_S = 10.0


def read_exactly(connection, size):
    parts = b""
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError
        parts += part
    return parts


def read_frame(connection):
    first, second = read_exactly(connection, 2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", read_exactly(connection, 2))
    elif size == 127:
        (size,) = struct.unpack("!Q", read_exactly(connection, 8))
    assert second & 0x80, "a client's frames are masked"
    mask = read_exactly(connection, 4)
    payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(read_exactly(connection, size)))
    return first, payload


def frame(first, payload):
    size = len(payload)
    head = bytes([first, size]) if size < 126 else bytes([first, 126]) + struct.pack("!H", size)
    return head + payload


class Server:
    """Takes one connection, and does with it what `serve` says."""

    def __init__(self, serve, status="101 Switching Protocols"):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._serve, self._status = serve, status
        self.port = self._socket.getsockname()[1]
        self.head = b""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(DEADLINE_S)
            while b"\r\n\r\n" not in self.head:
                self.head += connection.recv(1)
            key = next(line for line in self.head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key")).split()[1]
            accept = base64.b64encode(hashlib.sha1(key + GUID.encode()).digest()).decode()
            connection.sendall(f"HTTP/1.1 {self._status}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
            self._serve(connection)

    def close(self):
        self._thread.join(DEADLINE_S)
        self._socket.close()


def received(sockets, count):
    found = []
    for _ in range(1000):
        found += sockets.poll(DEADLINE_S / 1000)
        if len(found) >= count:
            return found
    pytest.fail(f"only {found} came")


@pytest.fixture
def talk():
    opened = []

    def make(serve, **more):
        server = Server(serve, **more)
        sockets = WebSockets("127.0.0.1", server.port)
        opened.extend([sockets, server])
        return server, sockets

    yield make
    for each in opened:
        each.close()


@pytest.mark.parametrize("size", [0, 5, 125, 126, 6400, 70_000])
def test_what_is_sent_before_the_handshake_arrives_behind_it(talk, size):
    heard = []
    server, sockets = talk(lambda connection: heard.extend([read_frame(connection), read_frame(connection)]))
    sockets.open("a", "/asr?x=1")
    sockets.send("a", '{"uid": "a"}')
    sockets.send("a", bytes(range(256)) * (size // 256 + 1))
    assert received(sockets, 1) == [Closed("a", "closed without a word")]
    assert server.head.startswith(b"GET /asr?x=1 HTTP/1.1")
    assert heard == [(0x81, b'{"uid": "a"}'), (0x82, bytes(range(256)) * (size // 256 + 1))]


def test_messages_in_pieces_and_pings_between_them(talk):
    pongs = []

    def serve(connection):
        for part in (frame(0x01, b"one "), frame(0x89, b"still there?"), frame(0x80, b"two"), frame(0x81, b"x" * 300)):
            for byte in part:
                connection.sendall(bytes([byte]))
        pongs.append(read_frame(connection))
        connection.sendall(frame(0x88, struct.pack("!H", 1000)))
        read_frame(connection)

    _, sockets = talk(serve)
    sockets.open("a", "/")
    assert received(sockets, 3) == [Message("a", "one two"), Message("a", "x" * 300), Closed("a", "")]
    assert pongs == [(0x8A, b"still there?")]


def test_a_handshake_that_is_refused_is_a_connection_that_is_gone(talk):
    _, sockets = talk(lambda _: None, status="403 Forbidden")
    sockets.open("a", "/")
    assert received(sockets, 1) == [Closed("a", "HTTP/1.1 403 Forbidden")]
    sockets.send("a", b"into nothing")


def test_nobody_at_the_port_is_a_connection_that_is_gone():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sockets = WebSockets("127.0.0.1", port)
    sockets.open("a", "/")
    [closed] = received(sockets, 1)
    assert closed.key == "a"
    assert closed.reason
    sockets.close()
