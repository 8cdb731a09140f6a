"""How long the audio of chunks was that never arrived."""

from typing import Final

from josefine_audio.encodings import OPUS, RAW_ENCODINGS
from josefine_audio.opus import OPUS_RATE_HZ, packet_samples
from josefine_audio.sample_formats import SAMPLE_FORMATS
from josefine_wire.records import AudioChunk, SessionStart

MOST_FILLED_S: Final = 30.0
"""A longer hole is not filled: clocks step, producers restart."""


def lost_seconds(start: SessionStart, chunk: AudioChunk, missing: int, last_captured_at_us: int) -> float:
    """Returns the length of `missing` chunks before `chunk` in seconds; 0: unknown.

    The capture times on both sides tell it; Opus packets of one stream also have the same length.
    """
    chunk_s = duration_s(start, chunk["payload"])
    if chunk_s is None:
        return 0.0
    lost_s = 0.0
    if chunk["captured_at"] and last_captured_at_us:
        lost_s = (chunk["captured_at"] - last_captured_at_us) / 1e6 - chunk_s
    elif start["encoding"] == OPUS:
        lost_s = missing * chunk_s
    return lost_s if 0.0 < lost_s <= MOST_FILLED_S else 0.0


def duration_s(start: SessionStart, payload: bytes) -> float | None:
    """Returns the length of a chunk, or None where its bytes do not tell."""
    encoding = start["encoding"]
    if encoding in RAW_ENCODINGS:
        frame_bytes = SAMPLE_FORMATS[encoding].sample_bytes * start["channels"]
        return len(payload) / frame_bytes / start["sample_rate_hz"]
    return packet_samples(payload) / OPUS_RATE_HZ if encoding == OPUS else None
