"""What every stage measures, in one typed list."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class StageMetrics:
    """The runtime's metrics of one process."""

    registry: CollectorRegistry
    records: Counter
    outputs: Counter
    dead_letters: Counter
    commits: Histogram
    aborted: Counter
    batch: Histogram
    handling: Histogram
    rewinds: Counter
    snapshots: Counter
    snapshot_failures: Counter
    sessions: Gauge
    in_flight: Gauge
    lag: Gauge
    paused: Gauge
    assigned: Gauge
    generation: Gauge


def stage_metrics(registry: CollectorRegistry) -> StageMetrics:
    """Returns the metrics, registered."""
    r = registry
    return StageMetrics(
        registry=r,
        records=Counter("josefine_stage_records", "Records read from the input topic.", registry=r),
        outputs=Counter("josefine_stage_outputs", "Records written.", ["topic"], registry=r),
        dead_letters=Counter("josefine_stage_dead_letters", "Records given up.", ["code"], registry=r),
        commits=Histogram(
            "josefine_stage_commit_seconds",
            "Time to make a unit of work durable.",
            buckets=SECONDS,
            registry=r,
        ),
        aborted=Counter("josefine_stage_aborted_units", "Units of work that were rolled back.", registry=r),
        batch=Histogram("josefine_stage_batch_records", "Records in a batch.", buckets=RECORDS, registry=r),
        handling=Histogram(
            "josefine_stage_handling_seconds", "Time in the handler per turn.", buckets=SECONDS, registry=r
        ),
        rewinds=Counter(
            "josefine_stage_rewinds", "Partitions taken back to an earlier offset.", ["reason"], registry=r
        ),
        snapshots=Counter("josefine_stage_snapshots", "Session snapshots stored.", registry=r),
        snapshot_failures=Counter(
            "josefine_stage_snapshot_failures", "Attempts to store snapshots that failed.", registry=r
        ),
        sessions=Gauge("josefine_stage_sessions", "Sessions in this process.", registry=r),
        in_flight=Gauge("josefine_stage_in_flight_records", "Records read and not committed.", registry=r),
        lag=Gauge("josefine_stage_lag_records", "Records waiting in the assigned partitions.", registry=r),
        paused=Gauge("josefine_stage_paused", "1 while reading is paused because the handler is full.", registry=r),
        assigned=Gauge("josefine_stage_assigned_partitions", "Partitions assigned to this process.", registry=r),
        generation=Gauge(
            "josefine_stage_group_generation",
            "Generation of the consumer group as this process knows it; grows with every rebalance.",
            registry=r,
        ),
    )


class HandlerStatus(Collector):
    """The numbers of a handler's status as gauges and its distributions as histograms, josefine_<stage>_<name>.

    Asked by the server's threads.
    """

    def __init__(self, stage: str, status: Callable[[], Mapping[str, Any]]) -> None:
        self._prefix = f"josefine_{stage}"
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yields a metric for each number and each distribution of the status at this time."""
        for name, value in self._status().items():
            help_ = f"As {name} in /status, see the service's README."
            if isinstance(value, int | float):
                yield GaugeMetricFamily(f"{self._prefix}_{name}", help_, value=float(value))
            elif isinstance(value, Mapping) and "buckets" in value:
                buckets = [(bound, float(count)) for bound, count in value["buckets"].items()]
                yield HistogramMetricFamily(f"{self._prefix}_{name}", help_, buckets=buckets, sum_value=value["sum"])
