"""How much one session may take, and all together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """See IngestSettings for the meaning of each."""

    idle_timeout_s: float = 60.0
    max_session_s: float = 12 * 3600.0
    recorded_rate: float = 200.0
    turn_s: float = 0.030
    queue_limit_bytes: int = 64 * 1024 * 1024
    spool_limit_bytes: int = 1024 * 1024 * 1024
