"""Bytes to a server as no well-behaved client sends them, and what it answers."""

import socket
import struct
from contextlib import contextmanager
from http.client import HTTPResponse

from websockets.sync.client import connect

PATIENCE_S = 60.0
HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = (
    HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
SAMPLES = "/v1/listen?encoding=linear16&sample_rate=16000"


@contextmanager
def connected(port):
    """Gives a connection that was never used."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        yield connection


def status_of(connection):
    """Returns the status of the next answer, and reads it to its end."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def answer_to(port, request):
    """Returns the status of what is answered to the bytes of a request; 0: the connection is closed without."""
    with connected(port) as connection:
        connection.sendall(request)
        try:
            return status_of(connection)
        except (ConnectionError, OSError):
            return 0


def closed(connection):
    """Returns once the other side has closed; AssertionError where it says something more."""
    try:
        assert connection.recv(1) == b""
    except ConnectionResetError:
        return True
    return True


def frame(opcode, payload=b"", *, fin=True, reserved=0, masked=True, length=None):
    """Returns a frame's bytes, as wrong as wanted."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    mask = 0x80 if masked else 0
    if size < 126:
        head += bytes([mask | size])
    elif size < 65_536:
        head += bytes([mask | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


@contextmanager
def live(gateway, path=SAMPLES, **more):
    """Gives a live session that is open."""
    with connect(gateway.ws_url + path, compression=None, max_size=None, open_timeout=PATIENCE_S, **more) as websocket:
        yield websocket
