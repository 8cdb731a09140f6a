"""What a first chunk must be for its session to begin. A fault is one line that begins with the field's name."""

from typing import Final

from josefine_audio.encodings import ENCODINGS, OPUS, RAW_ENCODINGS
from josefine_audio.stream import MAX_CHANNELS
from josefine_wire.chunk_faults import payload_fault, time_fault
from josefine_wire.records import AudioChunk, SessionStart

MAX_SESSION_ID: Final = 128
LOWEST_RATE_HZ: Final = 8_000
HIGHEST_RATE_HZ: Final = 48_000
"""Raw samples only: containers say their rate themselves."""


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
