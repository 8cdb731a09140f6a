"""Settings that every service has. Built once in the service's entry; lower layers get values."""

import os
import socket
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Delivery = Literal["exactly_once", "at_least_once"]


class StageSettings(BaseSettings):
    """Environment of a stage. Every service's settings extend this one; the prefix is JOSEFINE_."""

    model_config = SettingsConfigDict(env_prefix="JOSEFINE_", frozen=True, extra="ignore")

    kafka_bootstrap_servers: Annotated[
        str,
        Field(validation_alias=AliasChoices("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS")),
    ] = "127.0.0.1:9092"
    """Brokers, host:port separated by commas."""
    kafka_extra: dict[str, str] = Field(default_factory=dict)
    """More librdkafka properties as a JSON object, e.g. security.protocol and sasl.*."""
    redis_url: Annotated[str, Field(validation_alias=AliasChoices("JOSEFINE_REDIS_URL", "REDIS_URL"))] = (
        "redis://127.0.0.1:6379/0"
    )
    """Store of session snapshots: redis://, rediss://, unix://, redis+cluster:// or redis+sentinel://."""
    instance_id: str = Field(default_factory=socket.gethostname, min_length=1)
    """Name of this replica, unique in its service and stable over restarts; it fences the replica's former life."""
    delivery: Delivery = "exactly_once"
    """exactly_once: outputs and offsets in one transaction. at_least_once: readers drop duplicates by id."""
    commit_interval_ms: int = Field(default=40, ge=0, le=5_000)
    """Longest time that finished outputs wait for their transaction."""
    snapshot_interval_s: float = Field(default=5.0, gt=0)
    """Time between two snapshots of a session, which is how much of the log a restart replays at the most."""
    snapshot_ttl_s: int = Field(default=24 * 3600, gt=0)
    """How long a snapshot outlives its session's last record."""
    poll_records: int = Field(default=512, ge=1)
    """Most records in one batch."""
    broker_timeout_s: float = Field(default=30.0, gt=0)
    """Deadline of one unit of work at the broker; after it the process ends and the log is replayed."""
    session_timeout_ms: int = Field(default=10_000, ge=1_000)
    """Silence after which the broker gives this replica's partitions away."""
    static_membership: bool = True
    """A restarted replica takes its own partitions up at once; false for brokers without KIP-345 (Tansu)."""
    dead_letters_per_minute: int = Field(default=120, ge=1)
    """More than these and the stage stops: a broken deploy must not drain a topic."""
    metrics_host: str = "127.0.0.1"
    """Address of /metrics, /livez and /readyz; 0.0.0.0 in containers."""
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port of /metrics, /livez and /readyz; 0: none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""

    @model_validator(mode="after")
    def _no_blank_instance(self) -> Self:
        if not self.instance_id.strip() or os.sep in self.instance_id:
            raise ValueError("JOSEFINE_INSTANCE_ID: must be a name without slashes")
        return self
