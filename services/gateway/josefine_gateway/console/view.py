"""What /console/pipeline answers, typed. Durations in seconds; what is not known is null."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """A part of the answer."""

    model_config = ConfigDict(frozen=True)


class ReplicaView(View):
    """One process of a service."""

    name: str
    state: Literal["working", "waiting", "not_answering"]
    """waiting: it answers and says that no work should be expected of it."""
    reason: str = ""
    """Why it is not working."""
    sessions: int | None = None
    lag_records: int | None = None
    """Records that wait in its partitions."""
    in_flight_records: int | None = None
    assigned_partitions: int | None = None
    group_generation: int | None = None
    paused: bool | None = None
    """Whether it reads on only when it has caught up."""
    dead_letters: int | None = None
    """Since the process began."""
    records_per_s: float | None = None
    """Null until it was asked twice."""
    dead_letters_per_s: float | None = None


class StageView(View):
    """All replicas of a service, in sum."""

    name: str
    topic: str | None
    """What it reads."""
    sessions: int | None
    lag_records: int | None
    dead_letters: int | None
    records_per_s: float | None
    replicas: tuple[ReplicaView, ...]


class DeviceView(View):
    """A device that decodes."""

    replica: str
    device: str
    state: str
    """starting, working, ending or quarantined, as the inference service says."""
    reason: str
    restarts: int
    """Children that were replaced since the service began."""
    busy_share: float | None
    """Of the time between two looks, 0 to 1."""
    pace: float | None
    """Seconds of audio that it decodes in a second of work."""


class LatencyView(View):
    """From the end of a live segment to its text in the inference service: waiting and decoding."""

    p50_s: float
    p95_s: float
    p99_s: float
    finals: int
    """How many were measured."""
    window_s: float | None
    """Time over which; null: since the service began."""


class PipelineView(View):
    """The pipeline at one time."""

    stages: tuple[StageView, ...]
    devices: tuple[DeviceView, ...]
    live_streams: int | None
    stream_capacity: int | None
    """Live streams that all replicas together let in; 0: any number, or not measured yet."""
    windows_waiting: int | None
    latency: LatencyView | None
    """Null where no final was measured."""
