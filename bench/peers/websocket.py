"""A client of websockets (RFC 6455) for hundreds of connections in one thread that never waits for any of them."""

import base64
import os
import selectors
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

READ_BYTES: Final = 65_536
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FIN: Final = 0x80
MASKED: Final = 0x80
LARGEST_SHORT: Final = 125


@dataclass(frozen=True, slots=True)
class Message:
    """What a server sent."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A connection is gone."""

    key: str
    reason: str
    """Empty: the server closed it as the protocol says."""


class _Connection:
    """One connection: what is still to be sent, and what has come of the next frame."""

    def __init__(self, key: str, host: str, port: int, path: str) -> None:
        self.key = key
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(0.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        nonce = base64.b64encode(os.urandom(16)).decode()
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        self.out = bytearray(self._request)
        self._held = bytearray()
        """Frames that wait for the handshake."""
        self._incoming = bytearray()
        self._fragments = bytearray()
        self._upgraded = False
        self.socket.connect_ex((host, port))

    def queue(self, opcode: int, payload: bytes) -> None:
        (self.out if self._upgraded else self._held).extend(_frame(opcode, payload))

    def feed(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields the messages that are complete with these bytes.

        Raises:
            ConnectionError: the server refused the handshake.
        """
        self._incoming += received
        if not self._upgraded and not self._upgrade():
            return
        while (frame := _take_frame(self._incoming)) is not None:
            first, payload = frame
            opcode = first & 0x0F
            if opcode >= CLOSE:
                yield opcode, payload
                continue
            self._fragments += payload
            if first & FIN:
                yield TEXT, bytes(self._fragments)
                self._fragments.clear()

    def _upgrade(self) -> bool:
        head, separator, rest = bytes(self._incoming).partition(b"\r\n\r\n")
        if not separator:
            return False
        status = head.split(b"\r\n", 1)[0].decode("latin-1")
        if " 101 " not in f"{status} ":
            raise ConnectionError(status)
        self._incoming = bytearray(rest)
        self._upgraded = True
        self.out += self._held
        self._held.clear()
        return True


class WebSockets:
    """Connections by key. One thread."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._selector = selectors.DefaultSelector()
        self._connections: dict[str, _Connection] = {}
        self._lost: list[Closed] = []

    def open(self, key: str, path: str) -> None:
        """Begins to connect; what is sent meanwhile is sent when the server has answered."""
        connection = _Connection(key, self._host, self._port, path)
        self._connections[key] = connection
        self._selector.register(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    def send(self, key: str, payload: bytes | str) -> None:
        """Queues a message: text for str, binary for bytes. Nothing where the connection is gone."""
        connection = self._connections.get(key)
        if connection is None:
            return
        if isinstance(payload, str):
            connection.queue(TEXT, payload.encode())
        else:
            connection.queue(BINARY, payload)
        self._write(connection)

    def poll(self, timeout_s: float) -> list[Message | Closed]:
        """Returns what has come, waiting at most `timeout_s` for the first."""
        found: list[Message | Closed] = list(self._lost)
        self._lost.clear()
        for selected, mask in self._selector.select(0.0 if found else timeout_s):
            connection: _Connection = selected.data
            if mask & selectors.EVENT_WRITE:
                self._write(connection)
            if mask & selectors.EVENT_READ and connection.key in self._connections:
                found += self._read(connection)
        return found

    def drop(self, key: str) -> None:
        """Closes a connection; nothing more comes of it."""
        connection = self._connections.pop(key, None)
        if connection is not None:
            connection.queue(CLOSE, struct.pack("!H", 1000))
            with suppress(OSError):
                connection.socket.send(connection.out)
            self._selector.unregister(connection.socket)
            connection.socket.close()

    def close(self) -> None:
        """Closes all."""
        for key in list(self._connections):
            self.drop(key)
        self._selector.close()

    def _write(self, connection: _Connection) -> None:
        if connection.out:
            try:
                sent = connection.socket.send(connection.out)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._lose(connection, str(error))
                return
            del connection.out[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.out else 0)
        self._selector.modify(connection.socket, events, connection)

    def _read(self, connection: _Connection) -> list[Message | Closed]:
        found: list[Message | Closed] = []
        try:
            received = connection.socket.recv(READ_BYTES)
            if not received:
                raise ConnectionError("closed without a word")
            for opcode, payload in connection.feed(received):
                if opcode == PING:
                    connection.queue(PONG, payload)
                elif opcode == CLOSE:
                    self.drop(connection.key)
                    found.append(Closed(connection.key, ""))
                elif opcode != PONG:
                    found.append(Message(connection.key, payload.decode()))
        except (BlockingIOError, InterruptedError):
            return found
        except OSError as error:
            self._lose(connection, str(error))
            return found
        if connection.key in self._connections:
            self._write(connection)
        return found

    def _lose(self, connection: _Connection, reason: str) -> None:
        self._connections.pop(connection.key, None)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._lost.append(Closed(connection.key, reason))


def _frame(opcode: int, payload: bytes) -> bytes:
    """Returns a client's frame: final and masked (RFC 6455, 5.2 and 5.3)."""
    size, mask = len(payload), os.urandom(4)
    if size <= LARGEST_SHORT:
        head = struct.pack("!BB", FIN | opcode, MASKED | size)
    elif size < 2**16:
        head = struct.pack("!BBH", FIN | opcode, MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", FIN | opcode, MASKED | 127, size)
    key = np.resize(np.frombuffer(mask, np.uint8), size)
    return head + mask + (np.frombuffer(payload, np.uint8) ^ key).tobytes()


def _take_frame(incoming: bytearray) -> tuple[int, bytes] | None:
    """Takes the first frame of a server off the front; returns its first byte and payload; None: not all there."""
    if len(incoming) < 2:
        return None
    size, at = incoming[1] & 0x7F, 2
    if size > LARGEST_SHORT:
        code, width = ("!H", 2) if size == 126 else ("!Q", 8)
        if len(incoming) < at + width:
            return None
        (size,) = struct.unpack_from(code, incoming, at)
        at += width
    if len(incoming) < at + size:
        return None
    first, payload = incoming[0], bytes(incoming[at : at + size])
    del incoming[: at + size]
    return first, payload
