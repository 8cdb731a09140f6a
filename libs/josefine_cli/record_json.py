"""A record of the log as a JSON object. Pure."""

import base64
import math
from typing import Any

from josefine_stage.ports import RawRecord
from josefine_wire.codec import WireError, decode


def json_line(raw: RawRecord, *, with_bytes: bool) -> dict[str, Any]:
    """Returns where the record stands, its key and its decoded value; `error` where it cannot be decoded."""
    shown: dict[str, Any] = {
        "topic": raw.source.topic,
        "partition": raw.source.partition,
        "offset": raw.offset,
        "timestamp_ms": raw.timestamp_ms,
        "key": None if raw.key is None else raw.key.decode("utf-8", "replace"),
    }
    try:
        return {**shown, "value": plain(decode(raw.source.topic, raw.value), with_bytes=with_bytes)}
    except WireError as error:
        return {**shown, "value": None, "error": str(error), "raw": plain(raw.value, with_bytes=with_bytes)}


def plain(value: Any, *, with_bytes: bool) -> Any:
    """Returns a decoded Avro value in JSON's types; bytes as their length, and their content if wanted."""
    match value:
        case bytes():
            length = {"bytes": len(value)}
            return {**length, "base64": base64.b64encode(value).decode()} if with_bytes else length
        case dict():
            return {str(name): plain(item, with_bytes=with_bytes) for name, item in value.items()}
        case list() | tuple():
            return [plain(item, with_bytes=with_bytes) for item in value]
        case float():
            # Avro floats have seven digits; JSON knows no infinity.
            return float(f"{value:.7g}") if math.isfinite(value) else None
        case _:
            return value
