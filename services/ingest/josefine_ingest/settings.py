"""Settings of the ingest service."""

from typing import Final

from pydantic import Field

from josefine_ingest.limits import IngestLimits
from josefine_stage.settings import StageSettings

_MIB: Final = 1024 * 1024


class IngestSettings(StageSettings):
    """What every stage has, and the limits of ingest."""

    idle_timeout_s: float = Field(default=60.0, gt=0)
    """Silence of a producer after which its session ends, in seconds."""
    max_session_s: float = Field(default=12 * 3600.0, gt=0)
    """Longest session, in seconds of audio and of the clock."""
    recorded_rate: float = Field(default=200.0, gt=0)
    """Most seconds of audio that one recorded session may take in a second, so that a burst does not flood the stages;
    chunks that have waited for two seconds are let through."""
    turn_ms: int = Field(default=30, ge=1, le=1_000)
    """Work between two looks at the broker, in milliseconds."""
    queue_limit_bytes: int = Field(default=64 * _MIB, ge=2 * _MIB)
    """Chunks read and not yet decoded, in bytes; beyond it the log waits."""
    spool_limit_bytes: int = Field(default=1024 * _MIB, ge=_MIB)
    """Largest container kept on disk because it describes its samples at its end (MP4 without faststart), in bytes."""

    @property
    def limits(self) -> IngestLimits:
        """What the handler needs to know."""
        return IngestLimits(
            idle_timeout_s=self.idle_timeout_s,
            max_session_s=self.max_session_s,
            recorded_rate=self.recorded_rate,
            turn_s=self.turn_ms / 1000,
            queue_limit_bytes=self.queue_limit_bytes,
            spool_limit_bytes=self.spool_limit_bytes,
        )
