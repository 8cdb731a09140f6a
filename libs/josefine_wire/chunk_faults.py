"""What is wrong with a chunk by itself, whatever its session says. A fault is one line that begins with the field."""

from typing import Final

from josefine_wire.records import AudioChunk

MAX_PAYLOAD_BYTES: Final = 1024 * 1024
"""Limit of the schema."""
LATEST_S: Final = 4_102_444_800
"""The year 2100, Unix epoch. What lies beyond is another unit, such as nanoseconds for microseconds."""


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
