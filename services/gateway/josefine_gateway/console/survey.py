"""From what all processes said, now and before, to what the page shows. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from josefine_gateway.console.rates import Rates, new_in_buckets, quantile, rates, summed
from josefine_gateway.console.reading import DeviceReading, Reading
from josefine_gateway.console.view import DeviceView, LatencyView, PipelineView, ReplicaView, StageView
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, FEATURE_FRAMES, TRANSCRIPTS

INPUTS: Final = {"ingest": AUDIO_RAW, "feature": AUDIO_FRAMES, "inference": FEATURE_FRAMES, "nlu": TRANSCRIPTS}
RATE_WINDOW_S: Final = 5.0
"""Time over which rates are taken: a device's batch may take longer than the second between two looks."""

Readings = Mapping[str, Reading]
"""By the name of the replica: a stage's name, or STAGE/REPLICA where it has several. All looks have the same names."""


def survey(looks: Sequence[Readings]) -> PipelineView:
    """Returns the pipeline as of the last look; the earlier ones, in order of time, give the rates."""
    now = looks[-1]
    speeds = {
        name: _rates(reading, [look[name] for look in looks[:-1] if name in look]) for name, reading in now.items()
    }
    stages: dict[str, list[ReplicaView]] = {}
    for name, reading in now.items():
        stages.setdefault(name.partition("/")[0], []).append(_replica(name, reading, speeds[name]))
    statuses = [reading.status for reading in now.values()]
    return PipelineView(
        stages=tuple(_stage(name, replicas) for name, replicas in stages.items()),
        devices=tuple(
            _device(name, line, speeds[name]) for name, reading in now.items() for line in reading.status.devices
        ),
        live_streams=_sum(status.live_streams for status in statuses),
        stream_capacity=_sum(status.stream_capacity for status in statuses),
        windows_waiting=_sum(status.windows_waiting for status in statuses),
        latency=_latency(looks),
    )


def _rates(now: Reading, earlier: Sequence[Reading]) -> Rates | None:
    """Returns the rates since the oldest look that is recent enough, or the last one where none is."""
    recent = [reading for reading in earlier if now.at_s - reading.at_s <= RATE_WINDOW_S] or earlier[-1:]
    known = [reading for reading in recent if not reading.problem]
    return rates(known[0], now) if known else None


def _replica(name: str, reading: Reading, speed: Rates | None) -> ReplicaView:
    if reading.problem:
        return ReplicaView(name=name, state="not_answering", reason=reading.problem)
    paused = reading.value("paused")
    return ReplicaView(
        name=name,
        state="waiting" if reading.not_ready else "working",
        reason=reading.not_ready,
        sessions=reading.value("sessions"),
        lag_records=reading.value("lag_records"),
        in_flight_records=reading.value("in_flight_records"),
        assigned_partitions=reading.value("assigned_partitions"),
        group_generation=reading.value("group_generation"),
        paused=None if paused is None else bool(paused),
        # A counter with labels has no sample before the first is counted.
        dead_letters=reading.value("dead_letters_total") or 0,
        records_per_s=speed.records_per_s if speed else None,
        dead_letters_per_s=speed.dead_letters_per_s if speed else None,
    )


def _stage(name: str, replicas: Sequence[ReplicaView]) -> StageView:
    def total(of: Callable[[ReplicaView], int | None]) -> int | None:
        return _sum(of(replica) for replica in replicas)

    speeds = [replica.records_per_s for replica in replicas if replica.records_per_s is not None]
    return StageView(
        name=name,
        topic=INPUTS.get(name),
        sessions=total(lambda replica: replica.sessions),
        lag_records=total(lambda replica: replica.lag_records),
        dead_letters=total(lambda replica: replica.dead_letters),
        records_per_s=sum(speeds) if speeds else None,
        replicas=tuple(replicas),
    )


def _device(replica: str, line: DeviceReading, speed: Rates | None) -> DeviceView:
    return DeviceView(
        replica=replica,
        device=line.device,
        state=line.state,
        reason=line.reason,
        restarts=line.restarts,
        busy_share=speed.busy_share.get(line.device) if speed else None,
        pace=speed.pace.get(line.device) if speed else None,
    )


def _latency(looks: Sequence[Readings]) -> LatencyView | None:
    """Returns the percentiles of what came since the first look, or since the start where nothing came since."""
    first, last = looks[0], looks[-1]
    recent = summed(
        new_in_buckets(first[name].buckets, reading.buckets) for name, reading in last.items() if first[name].buckets
    )
    at_s = max((reading.at_s for reading in last.values()), default=0.0)
    began_s = min((reading.at_s for reading in first.values()), default=0.0)
    return _percentiles(recent, at_s - began_s) or _percentiles(summed(r.buckets for r in last.values()), None)


def _percentiles(buckets: Mapping[float, float], window_s: float | None) -> LatencyView | None:
    p50_s, p95_s, p99_s = (quantile(buckets, share) for share in (0.5, 0.95, 0.99))
    if p50_s is None or p95_s is None or p99_s is None:
        return None
    finals = int(max(buckets.values()))
    return LatencyView(p50_s=p50_s, p95_s=p95_s, p99_s=p99_s, finals=finals, window_s=window_s)


def _sum(values: Iterable[int | None]) -> int | None:
    """Returns the sum of what is known, None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
