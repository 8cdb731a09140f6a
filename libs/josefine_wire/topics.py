"""The topics and what each carries."""

from dataclasses import dataclass
from typing import Final

AUDIO_RAW: Final = "audio.raw"
AUDIO_FRAMES: Final = "audio.frames"
FEATURE_FRAMES: Final = "feature.frames"
TRANSCRIPTS: Final = "transcripts"
UNDERSTANDING: Final = "understanding"
DEAD_LETTERS: Final = "dead.letters"
MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
"""Of a dead letter, which holds the whole record that failed; the other topics take less."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic is created. The schema has the topic's name."""

    name: str
    retention_hours: int
    max_message_bytes: int = 2 * 1024 * 1024


TOPICS: Final = (
    # Audio stays long enough to replay a day; features are larger and can be made again from it.
    TopicSpec(AUDIO_RAW, retention_hours=24),
    TopicSpec(AUDIO_FRAMES, retention_hours=24),
    TopicSpec(FEATURE_FRAMES, retention_hours=6),
    TopicSpec(TRANSCRIPTS, retention_hours=7 * 24),
    TopicSpec(UNDERSTANDING, retention_hours=7 * 24),
    TopicSpec(DEAD_LETTERS, retention_hours=14 * 24, max_message_bytes=MAX_RECORD_BYTES),
)


def audio_key(session_id: str) -> str:
    """Returns the Kafka key of a session's chunks."""
    return session_id


def channel_key(session_id: str, channel: int) -> str:
    """Returns the Kafka key of one channel's frames and results."""
    return f"{session_id}/{channel}"
