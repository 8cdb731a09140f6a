"""A replay is a session that names the one it repeats: whether it can be had, and its records. Pure."""

import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from josefine_client.chunks import LONGEST_SESSION_ID
from josefine_client.heard_before import HeardBefore
from josefine_client.sessions_in_log import SessionInLog
from josefine_wire.codec import encode
from josefine_wire.records import Replay, SessionConfig
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, FEATURE_FRAMES, TRANSCRIPTS, audio_key, channel_key

REPLAYED_TOPICS: Final = (AUDIO_RAW, AUDIO_FRAMES, FEATURE_FRAMES, TRANSCRIPTS)
LIVE_MS: Final = 600_000
"""A session without an end, of which something came so lately, may go on: longer than any sensible idle time-out."""
MARK: Final = "~"
MARK_CHARACTERS: Final = 12
_REPLAY_ID: Final = re.compile(rf".+{MARK}[0-9a-f]{{{MARK_CHARACTERS}}}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """One session that is to be heard again."""

    source: SessionInLog
    replay_id: str
    """Session id of the replay itself. Its results carry the source's."""
    model: str
    """Empty: the engine's default, as nothing is known of the one that was used."""
    variant: str
    """Empty: into the same ids."""
    started_at_ms: int
    """When the replay began: the log need not be searched further back for its state."""


def plan_of(source: SessionInLog, heard: HeardBefore, model: str, now_ms: int) -> ReplayPlan:
    """Returns the plan. Without a model it is the one that was used then, which may be the default no more."""
    asked = source.config["model"] if source.config else ""
    then = asked or heard.models.get(source.session_id, "")
    return ReplayPlan(source, replay_id(source.session_id), model or then, model, now_ms)


def replay_id(session_id: str) -> str:
    """Returns a new session id that shows whose replay it is."""
    mark = MARK + uuid.uuid4().hex[:MARK_CHARACTERS]
    return session_id[: LONGEST_SESSION_ID - len(mark)] + mark


def looks_like_replay(session_id: str) -> bool:
    """Returns whether `replay_id` may have given this id; only the session's first record is sure."""
    return _REPLAY_ID.fullmatch(session_id) is not None


def refusal(source: SessionInLog, heard: HeardBefore, now_ms: int) -> str | None:
    """Returns why a session cannot be replayed, in one line, or None."""
    if source.replay:
        return f"is a replay of {source.replay['session_id']} itself: replay that one"
    if not source.has_beginning:
        return f"its beginning is no longer on {source.topic}"
    if source.has_end:
        return None
    if source.topic == TRANSCRIPTS:
        return "has no END on transcripts: replay it from audio.raw"
    if not heard.ended(source.session_id) and now_ms - source.last_timestamp_ms < LIVE_MS:
        return f"has not ended, and something came within {LIVE_MS // 60_000} minutes: it may be live"
    # On audio.raw ingest ends it by time-out, as it did then. Nobody does behind it.
    return None if source.topic == AUDIO_RAW else f"has no end on {source.topic}: replay it from audio.raw"


def rewritten(topic: str, record: Any, plan: ReplayPlan) -> tuple[bytes, bytes]:
    """Returns key and value of the replay's record for one of its source's, which is changed: all else is as it was."""
    record["session_id"], record["session_started_at"] = plan.replay_id, plan.started_at_ms
    start = record["start"]
    if start is not None and topic == AUDIO_RAW:
        start["config"] = _config(start["config"], plan)
    elif start is not None:
        record["start"] = _config(start, plan)
    key = audio_key(plan.replay_id) if topic == AUDIO_RAW else channel_key(plan.replay_id, record["channel"])
    return key.encode(), encode(topic, record)


def _config(config: SessionConfig, plan: ReplayPlan) -> SessionConfig:
    source = plan.source
    replay = Replay(
        session_id=source.session_id,
        session_started_at=source.started_at_ms,
        variant=plan.variant,
        last_sequence=source.last_sequence,
    )
    return {**config, "model": plan.model, "replay": replay}
