"""The records of schemas/, typed. They are plain dicts: fastavro reads and writes them without a copy.

Every field's meaning and unit stands in the schema's doc; this file only repeats names and types.
"""

from typing import Final, Literal, NotRequired, TypedDict

Mode = Literal["LIVE", "RECORDED"]
EndReason = Literal["COMPLETE", "IDLE_TIMEOUT", "ERROR"]
TranscriptKind = Literal["INTERIM", "FINAL", "END", "FLUSHED"]
Polarity = Literal["NEGATIVE", "NEUTRAL", "POSITIVE"]
REPLAY_CUT_OFF: Final = "replay_cut_off"
"""Code of the end that ingest gives a replay whose sender fell silent in the middle of it."""


class Replay(TypedDict):
    """Whose results a session gives that hears another one again."""

    session_id: str
    session_started_at: int
    variant: str
    last_sequence: int


class SessionConfig(TypedDict):
    """What the producer asks of the pipeline."""

    mode: Mode
    model: str
    language: str
    interim_results: bool
    endpointing_ms: int
    metadata: dict[str, str]
    replay: NotRequired[Replay | None]
    """Missing in states that were stored before there were replays."""


class SessionStart(TypedDict):
    """The first chunk's description of the bytes."""

    encoding: str
    sample_rate_hz: int
    channels: int
    config: SessionConfig


class Gap(TypedDict):
    """Audio that never arrived, replaced by silence."""

    start_sample: int
    samples: int
    reason: str


class SessionEnd(TypedDict):
    """How a channel ended."""

    reason: EndReason
    samples: int
    code: str | None
    message: str | None


class SessionRecord(TypedDict):
    """What the records of all session topics share, and the stage runtime relies on."""

    session_id: str
    sequence: int
    session_started_at: int
    captured_at: int


class AudioChunk(SessionRecord):
    """Topic audio.raw."""

    producer_id: str
    start: SessionStart | None
    payload: bytes
    flush: bool
    end: bool
    takes_over: str | None


class ChannelRecord(SessionRecord):
    """What the frame topics share."""

    channel: int
    channels: int
    gaps: list[Gap]
    start: SessionConfig | None
    flush: bool
    end: SessionEnd | None


class AudioFrame(ChannelRecord):
    """Topic audio.frames."""

    start_sample: int
    samples: bytes


class FeatureFrame(ChannelRecord):
    """Topic feature.frames."""

    start_hop: int
    mels: int
    log_mel: bytes
    start_window: int
    speech_probability: bytes


class Word(TypedDict):
    """A recognised word."""

    word: str
    punctuated_word: str
    start_sample: int
    end_sample: int
    confidence: float


class Error(TypedDict):
    """What went wrong, for the session's client."""

    code: str
    message: str


class Transcript(TypedDict):
    """Topic transcripts."""

    id: str
    session_id: str
    channel: int
    channels: int
    kind: TranscriptKind
    segment: int
    revision: int
    session_started_at: int
    captured_at: int
    start_sample: int
    end_sample: int
    text: str
    stable_words: int
    words: list[Word]
    confidence: float
    language: str
    model: str
    speech_final: bool
    gaps: list[Gap]
    reason: EndReason | None
    error: Error | None
    metadata: dict[str, str]
    variant: str
    flushed: bool


class Entity(TypedDict):
    """A named thing in the text."""

    label: str
    text: str
    start_char: int
    end_char: int
    start_sample: int
    end_sample: int


class PiiSpan(TypedDict):
    """Personal information that redacted_text hides."""

    kind: str
    start_char: int
    end_char: int
    score: float


class Sentiment(TypedDict):
    """Polarity of a text."""

    label: Polarity
    score: float


class Understanding(TypedDict):
    """Topic understanding."""

    id: str
    session_id: str
    channel: int
    channels: int
    kind: Literal["SEGMENT", "END"]
    segment: int
    session_started_at: int
    captured_at: int
    start_sample: int
    end_sample: int
    entities: list[Entity]
    redacted_text: str
    pii: list[PiiSpan]
    sentiment: Sentiment | None
    metadata: dict[str, str]
    variant: str


class DeadLetter(TypedDict):
    """Topic dead.letters."""

    id: str
    stage: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: NotRequired[dict[str, bytes]]
    session_id: str | None
    code: str
    reason: str
    failed_at: int


Record = AudioChunk | AudioFrame | FeatureFrame | Transcript | Understanding | DeadLetter


def session_config(
    mode: Mode = "LIVE",
    *,
    model: str = "",
    language: str = "en",
    interim_results: bool = True,
    endpointing_ms: int = 0,
    metadata: dict[str, str] | None = None,
) -> SessionConfig:
    """Returns a config with the schema's defaults for what is not given."""
    return SessionConfig(
        mode=mode,
        model=model,
        language=language,
        interim_results=interim_results,
        endpointing_ms=endpointing_ms,
        metadata=metadata or {},
        replay=None,
    )
