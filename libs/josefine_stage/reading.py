"""From a broker's record to a session's: decoded, and under the key that keeps its order. Pure."""

from collections.abc import Mapping
from typing import Any

from josefine_stage.handler import Rejection
from josefine_stage.ports import RawRecord
from josefine_wire import topics
from josefine_wire.codec import WireError, decode


def read_record(raw: RawRecord) -> tuple[str, Mapping[str, Any], Rejection | None]:
    """Returns the session key, the record ({} where it is unreadable) and why it must not be handled, or None."""
    key = (raw.key or b"").decode("utf-8", "replace")
    try:
        record = decode(raw.source.topic, raw.value)
    except WireError as error:
        return key, {}, Rejection("unreadable", str(error))
    return key, record, _key_problem(key, record)


def _key_problem(key: str, record: Mapping[str, Any]) -> Rejection | None:
    """Returns why the record may not be handled under its Kafka key, or None."""
    session_id = record["session_id"]
    if not session_id:
        return Rejection("bad_session_id", "session_id: is empty")
    expected = topics.channel_key(session_id, record["channel"]) if "channel" in record else session_id
    if key != expected:
        return Rejection("wrong_key", f"key: must be {expected!r} so that the session keeps its order, is {key!r}")
    return None
