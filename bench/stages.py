"""What the services say of themselves at their metrics port."""

import http.client
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from bench.usage import SERVERS
from josefine_local.ports import HOST
from josefine_local.probes import http_json
from josefine_local.stack import LocalStack

TIMEOUT_S: Final = 5.0
ALL_LET_IN: Final = {"JOSEFINE_LIVE_STREAMS": "0"}
"""Environment of inference with which no live stream is refused."""


@dataclass(frozen=True, slots=True)
class DeviceWork:
    """What the devices have done since the service began."""

    batches: int
    audio_s: float
    busy_s: float

    def since(self, before: "DeviceWork") -> "DeviceWork":
        return DeviceWork(self.batches - before.batches, self.audio_s - before.audio_s, self.busy_s - before.busy_s)


def ports(stack: LocalStack) -> dict[str, int]:
    """Returns the metrics port of every service, by role."""
    return {each.role: each.port for each in stack.status().processes if each.role not in SERVERS}


def device_work(port: int) -> DeviceWork:
    """Returns the sums over the devices of the inference service.

    Raises:
        RuntimeError: it does not answer.
    """
    document: dict[str, Any] | None = http_json(port, "/status", TIMEOUT_S)
    if document is None:
        raise RuntimeError("inference does not answer at /status")
    devices = document["devices"]
    return DeviceWork(
        sum(each["batches"] for each in devices),
        sum(each["audio_s"] for each in devices),
        sum(each["busy_s"] for each in devices),
    )


def gauge(port: int, name: str) -> float:
    """Returns the value of a metric without labels.

    Raises:
        KeyError: there is none of the name.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and not sample.labels:
                return float(sample.value)
    raise KeyError(name)


def sessions(port: int) -> float:
    """Returns how many sessions the stage holds; 0 for one that keeps no state."""
    return gauge(port, "josefine_stage_sessions")


def lag(port: int) -> float:
    """Returns the records that the stage has not read yet or not finished."""
    return gauge(port, "josefine_stage_lag_records") + gauge(port, "josefine_stage_in_flight_records")
