"""What one process says of itself at /metrics, /status and /readyz, read into values. Pure."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, ConfigDict, ValidationError

LATENCY: Final = "josefine_inference_live_final_seconds"
SHOWN: Final = (
    "josefine_stage_records_total",
    "josefine_stage_dead_letters_total",
    "josefine_stage_sessions",
    "josefine_stage_lag_records",
    "josefine_stage_in_flight_records",
    "josefine_stage_paused",
    "josefine_stage_assigned_partitions",
    "josefine_stage_group_generation",
    f"{LATENCY}_bucket",
)
"""Samples that the page shows. Nothing else is parsed: the page asks once a second."""
COUNTED: Final = ("_total", "_bucket")


class ReadingError(Exception):
    """An answer that is none of a service of Josefine; the text says what is wrong with it."""


class DeviceReading(BaseModel):
    """A device in the status of inference; what else it says is not shown."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    device: str
    state: str = "working"
    reason: str = ""
    restarts: int = 0
    audio_s: float = 0.0
    busy_s: float = 0.0


class StatusReading(BaseModel):
    """The status of any service: those that have no devices say nothing of them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    devices: tuple[DeviceReading, ...] = ()
    live_streams: int | None = None
    stream_capacity: int | None = None
    windows_waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one process."""

    at_s: float
    """Monotonic."""
    problem: str = ""
    """Why it did not answer; then there are no numbers."""
    not_ready: str = ""
    """Why it says that no work should be expected of it."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Sample name -> value, labels summed up."""
    buckets: Mapping[float, float] = field(default_factory=dict)
    """Upper bound in seconds -> live finals that took no longer, since the process began."""
    status: StatusReading = field(default_factory=StatusReading)

    def value(self, name: str) -> int | None:
        """Returns a number of the stage, or None where it has none."""
        found = self.values.get(f"josefine_stage_{name}")
        return None if found is None else int(found)


def read_metrics(text: str) -> tuple[dict[str, float], dict[float, float]]:
    """Returns the samples that are shown, and the buckets of the latency of finals.

    Raises:
        ReadingError: it is not Prometheus's text format.
    """
    values: defaultdict[str, float] = defaultdict(float)
    buckets: defaultdict[float, float] = defaultdict(float)
    try:
        samples = [one for family in text_string_to_metric_families(_shown(text)) for one in family.samples]
        for sample in samples:
            if sample.name == f"{LATENCY}_bucket":
                buckets[float(sample.labels["le"])] += sample.value
            else:
                values[sample.name] += sample.value
    except (ValueError, KeyError) as error:
        raise ReadingError(f"/metrics is not Prometheus's text format: {error}") from error
    return dict(values), dict(buckets)


def read_status(text: str) -> StatusReading:
    """Returns what is shown of a status.

    Raises:
        ReadingError: it is no JSON object, or has something else under a known name.
    """
    try:
        document: Any = json.loads(text)
        return StatusReading.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise ReadingError(f"/status: {where}: {first['msg']}") from error
    except ValueError as error:
        raise ReadingError(f"/status is no JSON: {error}") from error


def _shown(text: str) -> str:
    """Returns the lines of samples that are shown, with the type that a counter's and a histogram's names need."""
    kept = [line for line in text.splitlines() if line.startswith(SHOWN)]
    return "\n".join([f"# TYPE {LATENCY} histogram", *kept]) + "\n"
