"""N live sessions against the host for a while: what it cost, and whether the device was fed."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from bench.hearing import Heard, Listener
from bench.load import START_S, LoadOptions, LoadOutcome, LoadProcess, split
from bench.report import Distribution
from bench.stages import DeviceWork, device_work, lag, ports
from bench.usage import CHILD, MOST_OTHERS, Usage, cpu_between, machine_s, usage
from josefine_client.pacing import PIECE_S
from josefine_ingest.session import LIVE_FRAME_S
from josefine_kafka.connection import Broker
from josefine_local.stack import LocalStack, silent

HOST_ROLES: Final = ("ingest", "feature", "inference")
"""What feeds the device; the last one is the parent of its child."""
RECORDS_PER_S: Final = {"ingest": 1 / PIECE_S, "feature": 1 / LIVE_FRAME_S, "inference": 1 / LIVE_FRAME_S}
"""That a stage reads of one stream: pieces, then frames."""
REFUSED: Final = "refused"
"""Verdicts on rows that say nothing of the host begin with it."""
LEAST_FED: Final = 0.95
LATEST_FINAL_S: Final = 1.0
LAG_GROWTH_S: Final = 0.5
LATEST_PIECE_S: Final = 0.1
"""Half a piece."""
SETTLE_S: Final = 5.0
"""After the last start: first interims, and segments of every age."""
STREAMS_PER_LOAD: Final = 400
DRAIN_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How each N is measured."""

    window_s: float = 30.0
    ramp_s: float = 5.0
    seed: int = 1
    progress: Callable[[str], None] = silent


@dataclass(frozen=True, slots=True)
class _Moment:
    """Everything that is counted, at one time."""

    time_s: float
    used: Mapping[str, Usage]
    load_cpu_s: float
    own_cpu_s: float
    machine_busy_s: float
    machine_stolen_s: float
    device: DeviceWork
    lag_s: Mapping[str, float]


def measure_row(
    stack: LocalStack,
    tape: Path,
    streams: int,
    options: RowOptions,
    idle: Mapping[str, Usage],
    alone: float | None,
) -> dict[str, Any]:
    """Returns the row of N streams.

    Args:
        stack: with a simulated device.
        tape: the speech.
        streams: N.
        options: how long, and from which seed.
        idle: memory before any stream; a role that is missing gives none.
        alone: audio that the device decodes for a second of a stream where nothing waits; None: this row is that.
    """
    name = f"bench-{streams}-{time.time_ns()}"
    listener, heard = Listener(Broker(stack.bootstrap_servers)), Heard(name)
    begin_s = time.time() + START_S
    from_s = begin_s + options.ramp_s + SETTLE_S
    load = LoadOptions(
        stack.bootstrap_servers,
        str(tape),
        name,
        streams,
        begin_s,
        options.ramp_s + SETTLE_S + options.window_s + 1,
        options.ramp_s,
        seed=options.seed,
    )
    with ExitStack() as processes:
        processes.callback(listener.close)
        loads = [processes.enter_context(LoadProcess(part)) for part in split(load, STREAMS_PER_LOAD)]
        listener.until(from_s, heard)
        before = _moment(stack, loads, streams)
        listener.until(before.time_s + options.window_s, heard)
        after = _moment(stack, loads, streams)
        while any(each.running for each in loads):
            listener.poll(0.1, heard)
        outcomes = [each.outcome() for each in loads]
        _drain(stack, listener, heard, streams)
    row = _row(streams, before, after, idle)
    row |= _heard(streams, heard, before.time_s, after.time_s) | _sent(outcomes)
    row["fed"] = row["device_audio_s_per_stream_s"] / alone if alone else 1.0
    row["verdict"] = verdict(row)
    options.progress(
        f"{streams} streams: {row['verdict']}, host {row['host_ms']:.2f} ms, fed {row['fed']:.3f},"
        f" finals {row['after_endpoint_s'].p95:.2f} s after the endpoint (p95)"
    )
    return row


def verdict(row: Mapping[str, Any]) -> str:
    """Returns `fed`, or why the device was not, or why the row says nothing."""
    grown_s = {role: row["lag_end_s"][role] - row["lag_begin_s"][role] for role in row["lag_end_s"]}
    if row["late_p99_ms"] > 1000 * LATEST_PIECE_S:
        return f"{REFUSED}: the load was late"
    if row["cores_others"] + row["cores_stolen"] > MOST_OTHERS:
        return f"{REFUSED}: others took {row['cores_others'] + row['cores_stolen']:.2f} cores"
    if row["failures"]:
        return f"failed: {row['failures'][0]}"
    if row["fed"] < LEAST_FED:
        return "idle: the device was not given its windows"
    if row["after_endpoint_s"].p95 > LATEST_FINAL_S:
        return "late: finals"
    behind = [role for role, seconds in grown_s.items() if seconds > LAG_GROWTH_S]
    return f"behind: {', '.join(behind)}" if behind else "fed"


def _moment(stack: LocalStack, loads: list[LoadProcess], streams: int) -> _Moment:
    services = ports(stack)
    return _Moment(
        time.time(),
        usage(stack),
        sum(sum(psutil.Process(each.pid).cpu_times()[:2]) for each in loads),
        sum(os.times()[:2]),
        *machine_s(),
        device_work(services["inference"]),
        {role: lag(services[role]) / (RECORDS_PER_S[role] * streams) for role in HOST_ROLES},
    )


def _drain(stack: LocalStack, listener: Listener, heard: Heard, streams: int) -> None:
    """Returns when every session has ended; a row after this one is to find nothing in its way.

    Raises:
        RuntimeError: sessions have not ended within the deadline.
    """
    deadline_s = time.time() + DRAIN_S
    while heard.ends < streams:
        if time.time() > deadline_s:
            behind = {role: lag(port) for role, port in ports(stack).items()}
            raise RuntimeError(f"{streams - heard.ends} of {streams} sessions have not ended; records left: {behind}")
        listener.poll(0.1, heard)


def _row(streams: int, before: _Moment, after: _Moment, idle: Mapping[str, Usage]) -> dict[str, Any]:
    wall_s = after.time_s - before.time_s
    stream_s = streams * wall_s
    spent = cpu_between(before.used, after.used)
    load_s, own_s = after.load_cpu_s - before.load_cpu_s, after.own_cpu_s - before.own_cpu_s
    ours_s = sum(spent.values()) + load_s + own_s
    device = after.device.since(before.device)
    ms = {f"{role}_ms": 1000 * seconds / stream_s for role, seconds in spent.items()}
    grown = {
        role: (used.private_mib - idle[role].private_mib) / streams for role, used in after.used.items() if role in idle
    }
    return {
        "streams": streams,
        "window_s": wall_s,
        "busy": device.busy_s / wall_s,
        "batches_per_s": device.batches / wall_s,
        "device_audio_s_per_stream_s": device.audio_s / stream_s,
        **ms,
        "host_ms": sum(ms[f"{role}_ms"] for role in HOST_ROLES),
        "load_ms": 1000 * load_s / stream_s,
        "listener_ms": 1000 * own_s / stream_s,
        "cores_used": ours_s / wall_s,
        "cores_others": max(after.machine_busy_s - before.machine_busy_s - ours_s, 0.0) / wall_s,
        "cores_stolen": (after.machine_stolen_s - before.machine_stolen_s) / wall_s,
        "mib_per_stream": sum(grown.get(role, 0.0) for role in (*HOST_ROLES, CHILD)),
        "mib_per_stream_by_role": grown,
        "lag_begin_s": dict(before.lag_s),
        "lag_end_s": dict(after.lag_s),
    }


def _heard(streams: int, heard: Heard, from_s: float, to_s: float) -> dict[str, Any]:
    # The first second holds what came while the moment before it was taken.
    finals = heard.finals_between(from_s + 1, to_s)
    return {
        "finals": len(finals),
        "after_endpoint_s": Distribution.of([final.after_endpoint_s for final in finals]),
        "after_speech_s": Distribution.of([final.after_speech_s for final in finals]),
        "interims_per_s": heard.interims_between(from_s, to_s) / ((to_s - from_s) * streams),
        "failures": heard.failures[:10],
    }


def _sent(outcomes: list[LoadOutcome]) -> dict[str, Any]:
    return {
        "sent_audio_s": sum(each.audio_s for each in outcomes),
        "sent_records": sum(each.records for each in outcomes),
        "late_p99_ms": 1000 * max(each.late_p99_s for each in outcomes),
    }
