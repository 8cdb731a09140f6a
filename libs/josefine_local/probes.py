"""One question each to a server on this machine: does it answer as what it should be? None of them raises."""

import http.client
import json
import socket
import struct
from typing import Any, Final

from josefine_local.ports import HOST

TIMEOUT_S: Final = 1.0
# ApiVersions v0 (KIP-35), the one request that every Kafka server answers before it knows the client:
# length, api key 18, version 0, correlation id, client id.
_CLIENT: Final = b"josefine-probe"
_API_VERSIONS: Final = struct.pack(">hhih", 18, 0, 1, len(_CLIENT)) + _CLIENT
_REPLY_HEAD: Final = struct.Struct(">iih")


def kafka_answers(port: int, host: str = HOST, timeout_s: float = TIMEOUT_S) -> bool:
    """Returns whether a Kafka broker serves requests at the port."""
    request = struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS
    reply = _ask(host, port, request, _REPLY_HEAD.size, timeout_s)
    if len(reply) < _REPLY_HEAD.size:
        return False
    _, correlation, error_code = _REPLY_HEAD.unpack(reply)
    return bool(correlation == 1 and error_code == 0)


def redis_answers(port: int, host: str = HOST, timeout_s: float = TIMEOUT_S) -> bool:
    """Returns whether a Redis-protocol server at the port has loaded its data and answers."""
    expected = b"+PONG\r\n"
    return _ask(host, port, b"PING\r\n", len(expected), timeout_s) == expected


def accepts(port: int, host: str = HOST, timeout_s: float = TIMEOUT_S) -> bool:
    """Returns whether anything accepts connections at the port."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def http_ready(port: int, timeout_s: float = TIMEOUT_S) -> bool:
    """Returns whether the service whose metrics stand at the port says that it is ready."""
    status, _ = _get(port, "/readyz", timeout_s)
    return status == http.HTTPStatus.OK


def http_json(port: int, path: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """Returns the JSON object at the path, or None where there is none."""
    status, body = _get(port, path, timeout_s)
    if status != http.HTTPStatus.OK:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _ask(host: str, port: int, request: bytes, reply_bytes: int, timeout_s: float) -> bytes:
    reply = b""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(request)
            while len(reply) < reply_bytes and (part := connection.recv(reply_bytes - len(reply))):
                reply += part
    except OSError:
        return b""
    return reply


def _get(port: int, path: str, timeout_s: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
