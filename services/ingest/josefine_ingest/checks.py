"""What a chunk must be to be taken. A fault is one line that begins with the field's name."""

from typing import Final

from josefine_audio.encodings import ENCODINGS, OPUS, RAW_ENCODINGS
from josefine_audio.stream import MAX_CHANNELS
from josefine_wire.records import AudioChunk, SessionStart

MAX_SESSION_ID: Final = 128
MAX_PAYLOAD_BYTES: Final = 1024 * 1024
LOWEST_RATE_HZ: Final = 8_000
HIGHEST_RATE_HZ: Final = 48_000
"""Raw samples only: containers say their rate themselves."""
LATEST_S: Final = 4_102_444_800
"""The year 2100, Unix epoch. What lies beyond is another unit, such as nanoseconds for microseconds."""


def start_fault(chunk: AudioChunk) -> str | None:
    """Returns what is wrong with a session's first chunk, or None."""
    fault = _id_fault("session_id", chunk["session_id"])
    if fault is not None:
        return fault
    if chunk["start"] is None:
        return "start: is missing on sequence 0"
    replay = chunk["start"]["config"].get("replay")
    fault = _id_fault("start.config.replay.session_id", replay["session_id"]) if replay else None
    return fault or _encoding_fault(chunk["start"]) or time_fault(chunk) or payload_fault(chunk)


def time_fault(chunk: AudioChunk) -> str | None:
    """Returns what is wrong with a chunk's times, or None."""
    started_ms, captured_us = chunk["session_started_at"], chunk["captured_at"]
    if not 0 <= started_ms <= LATEST_S * 1_000:
        return f"session_started_at: is {started_ms}, must be milliseconds since 1970, before 2100"
    if not 0 <= captured_us <= LATEST_S * 1_000_000:
        return f"captured_at: is {captured_us}, must be microseconds since 1970, before 2100, or 0 for unknown"
    return None


def payload_fault(chunk: AudioChunk) -> str | None:
    """Returns what is wrong with a chunk's bytes, or None."""
    size = len(chunk["payload"])
    return None if size <= MAX_PAYLOAD_BYTES else f"payload: has {size} bytes, at most {MAX_PAYLOAD_BYTES} are allowed"


def _id_fault(field: str, session_id: str) -> str | None:
    if not 1 <= len(session_id) <= MAX_SESSION_ID:
        return f"{field}: has {len(session_id)} characters, 1 to {MAX_SESSION_ID} are allowed"
    if "/" in session_id:
        return f"{field}: must not contain '/', which stands before the channel in keys"
    return None


def _encoding_fault(start: SessionStart) -> str | None:
    encoding, rate_hz, channels = start["encoding"], start["sample_rate_hz"], start["channels"]
    if encoding not in ENCODINGS:
        return f"start.encoding: is {encoding[:40]!r}, must be one of {', '.join(ENCODINGS)}"
    if encoding in RAW_ENCODINGS:
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            return f"start.sample_rate_hz: is {rate_hz}, must be {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}"
        if not 1 <= channels <= MAX_CHANNELS:
            return f"start.channels: is {channels}, must be 1 to {MAX_CHANNELS}"
    if encoding == OPUS and not 0 <= channels <= 2:
        return f"start.channels: is {channels}, must be 0 to 2 for opus"
    return None
