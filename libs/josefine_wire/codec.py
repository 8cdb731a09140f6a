"""Avro single-object encoding: two marker bytes, the schema's CRC-64-AVRO fingerprint, the binary record.

Source: Avro 1.12 specification, "Single-object encoding". No registry is needed: a reader finds the
writer's schema by its fingerprint among the versions in schemas/.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import fastavro
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

MARKER: Final = b"\xc3\x01"
HEADER_BYTES: Final = 10


class WireError(ValueError):
    """Bytes that are no record of the topic. Dead-letter them; a retry gives the same."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A parsed schema version of a topic and the bytes that announce it."""

    topic: str
    version: int
    parsed: Any
    header: bytes


def encode(topic: str, record: Mapping[str, Any]) -> bytes:
    """Returns the record of `topic` in single-object encoding, in the newest schema version.

    Raises:
        WireError: a field is missing or of another type; the message names it.
    """
    schema = _versions(topic)[-1]
    buffer = io.BytesIO()
    buffer.write(schema.header)
    try:
        fastavro.schemaless_writer(buffer, schema.parsed, record)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise WireError(f"not a record of {topic}: {error}") from error
    return buffer.getvalue()


def decode(topic: str, payload: bytes | None) -> Any:
    """Returns the record (a dict, see records.py) of single-object bytes, resolved to the newest schema.

    Raises:
        WireError: truncated, foreign or trailing bytes; the message names the byte offset.
    """
    if payload is None:
        raise WireError(f"{topic}: the record has no value")
    if payload[:2] != MARKER:
        raise WireError(
            f"{topic}: byte 0 is not Avro single-object encoding (want c301, have {payload[:2].hex() or 'nothing'})"
        )
    writer = _by_header(topic).get(payload[:HEADER_BYTES])
    if writer is None:
        raise WireError(f"{topic}: unknown schema fingerprint {payload[2:HEADER_BYTES].hex()} at byte 2")
    newest = _versions(topic)[-1]
    reader = None if writer is newest else newest.parsed
    buffer = io.BytesIO(payload)
    buffer.seek(HEADER_BYTES)
    try:
        record = fastavro.schemaless_reader(buffer, writer.parsed, reader)
    except (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        detail = str(error) or type(error).__name__
        raise WireError(f"{topic}: cannot be read at byte {buffer.tell()}: {detail}") from error
    if buffer.tell() != len(payload):
        raise WireError(f"{topic}: {len(payload) - buffer.tell()} bytes too many at byte {buffer.tell()}")
    return record


@cache
def _versions(topic: str) -> tuple[Schema, ...]:
    """Returns the topic's schema versions, oldest first."""
    folder = _folder() / topic
    if not folder.is_dir():
        raise WireError(f"no schema for topic {topic!r} in schemas/")
    files = sorted(folder.iterdir(), key=lambda file: int(file.name[1:].split(".")[0]))
    return tuple(_load(topic, file) for file in files)


def _load(topic: str, file: Traversable) -> Schema:
    definition = json.loads(file.read_text(encoding="utf-8"))
    # fastavro gives the fingerprint in the little-endian order that the header wants.
    code = bytes.fromhex(fingerprint(to_parsing_canonical_form(definition), "CRC-64-AVRO"))
    return Schema(topic, int(file.name[1:].split(".")[0]), parse_schema(definition), MARKER + code)


@cache
def _by_header(topic: str) -> dict[bytes, Schema]:
    return {schema.header: schema for schema in _versions(topic)}


def _folder() -> Traversable:
    """Returns schemas/: inside the installed package, or beside libs/ in a checkout."""
    installed = resources.files(__package__) / "schemas"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "schemas"
