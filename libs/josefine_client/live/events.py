"""What a live session tells its application. Times are seconds of audio from the session's start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LiveWord:
    """A recognised word."""

    word: str
    """Lower case, bare."""
    punctuated_word: str
    """As it stands in the text."""
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class LiveEntity:
    """A named thing in a final's text, of words `start_word` to `end_word`."""

    label: str
    value: str
    start_word: int
    end_word: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Interim:
    """What was heard so far since the last final; the next one replaces it."""

    channel: int
    sequence_id: int
    """Of the last final before it in its channel, 0 at first."""
    text: str
    words: tuple[LiveWord, ...]
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Final:
    """Text that will not change. Each is told once, in its channel's order."""

    channel: int
    sequence_id: int
    """Grows with each final of a channel, with holes; those without words may repeat it."""
    text: str
    words: tuple[LiveWord, ...]
    start_s: float
    end_s: float
    confidence: float
    speech_final: bool = False
    """Whether the speaker paused here."""
    from_finalize: bool = False
    """Whether it answers `finalize()`."""
    entities: tuple[LiveEntity, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak."""

    channel: int
    at_s: float


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """Nobody spoke for as long as was asked for."""

    channel: int
    last_word_end_s: float


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The connection was cut and stands again: nothing is to be done."""

    attempts: int
    """Tries that it took."""
    acknowledged_bytes: int
    """Audio that was safe when the session went on; what came after it is sent again."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The server did not like a message; the session goes on."""

    variant: str
    description: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Everything has been told. Always the last event."""

    session_id: str
    duration_s: float
    """Audio that was heard."""
    channels: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """As the server says it."""


Event = Interim | Final | SpeechStarted | UtteranceEnd | Reconnected | Complaint | Ended
