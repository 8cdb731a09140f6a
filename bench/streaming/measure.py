"""One measurement: N streams against a system, for a time, and the row that comes of it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from bench.streaming.audio import Spoken, total_s
from bench.streaming.load import Load
from bench.streaming.row import row
from bench.streaming.session import Session
from bench.streaming.system import System
from bench.usage import Usage, machine_s

BOUND_S: Final = 1.0
"""What a person who has stopped speaking waits for, at most, 95 times of 100."""
RAMP_S: Final = 6.0
"""Streams begin within this time, each at a moment of its own."""
SETTLE_S: Final = 6.0
"""Behind the ramp, before anything counts: about the length of a recording, so that ends have begun to come."""
GRACE_S: Final = 2 * BOUND_S
"""Streams go on speaking while the last sessions are waited for: else these were heard by a system at rest."""
SILENT_S: Final = 15.0
"""A session of which nothing has come for so long after its end is late, whatever its system's way to end is."""
WARM_UP_STREAMS, WARM_UP_S = 2, 8.0
NICE: Final = -10
PATIENCE_S: Final = 60.0
"""After which sessions that have not ended never will."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure."""

    window_s: float
    seed: int
    until_decided: bool = False
    """Whether to stop as soon as it is certain that the 95th percentile is above the bound."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the processes had used at a time."""

    at_s: float
    by_role: Mapping[str, Usage]
    load_cpu_s: float
    machine_busy_s: float
    """Of all cores, since the machine began, with what its host took away."""


class Recorder:
    """Reads what processes have used beside the load: asking a stack takes longer than a piece may be late."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._pool = ThreadPoolExecutor(1, "usage")

    def read(self) -> "Future[Reading]":
        """Returns what will have been read."""
        return self._pool.submit(self._reading)

    def _reading(self) -> Reading:
        return Reading(time.time(), self._system.usage(), time.process_time(), sum(machine_s()))

    def close(self) -> None:
        """Waits for what is being read."""
        self._pool.shutdown()


def measure(system: System, recordings: Sequence[Spoken], streams: int, plan: Plan) -> dict[str, Any]:
    """Returns the row of so many streams.

    Raises:
        SystemFailedError: the system died.
    """
    with precedence():
        recorder, client = Recorder(system), system.connect()
        try:
            return _measured(recorder, Load(client), recordings, streams, plan)
        finally:
            client.close()
            recorder.close()


def warm_up(system: System, recordings: Sequence[Spoken], seed: int) -> None:
    """Lets the system do for the first time what it does first."""
    client = system.connect()
    try:
        load = Load(client)
        load.begin(recordings, WARM_UP_STREAMS, seed, "w", within_s=1.0)
        load.speak(time.time() + WARM_UP_S)
        load.cut()
        load.drain(WARM_UP_S)
    finally:
        client.close()


@contextmanager
def precedence() -> Iterator[None]:
    """Lets this thread and those that it starts go before others, where the system allows it: the load stands for
    machines of their own, and must not be late because what it measures is busy. What is measured was started before.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _measured(recorder: Recorder, load: Load, recordings: Sequence[Spoken], streams: int, plan: Plan) -> dict[str, Any]:
    idle = recorder.read().result()
    load.begin(recordings, streams, plan.seed, f"s{streams}", RAMP_S)
    load.speak(time.time() + RAMP_S + SETTLE_S)
    begin_s, first = time.time(), recorder.read()
    expected = streams * plan.window_s * len(recordings) / total_s(recordings)
    decided = _decision(load, begin_s, expected) if plan.until_decided else _never
    load.speak(begin_s + plan.window_s, decided)
    end_s, last = time.time(), recorder.read()
    load.speak(end_s + GRACE_S, lambda: _all_heard(load, begin_s, end_s))
    load.cut()
    drained = load.drain(PATIENCE_S)
    made = row(load, streams, begin_s, end_s, time.time(), BOUND_S)
    made |= _used(idle, first.result(), last.result(), streams)
    return made | {"cut_short": end_s - begin_s < 0.99 * plan.window_s, "drained": drained}


def _all_heard(load: Load, begin_s: float, end_s: float) -> bool:
    return all(session.ended is not None for session in load.spoken_between(begin_s, end_s))


def _never() -> bool:
    return False


def _decision(load: Load, begin_s: float, expected: float) -> Callable[[], bool]:
    """Returns what says whether more sessions are late already than a 95th percentile within the bound allows."""
    allowed = 0.05 * expected + 2
    next_look_s = begin_s

    def decided() -> bool:
        nonlocal next_look_s
        now_s = time.time()
        if now_s < next_look_s:
            return False
        next_look_s = now_s + BOUND_S
        served = (session for session in load.spoken_between(begin_s, now_s) if session.error is None)
        return sum(_surely_late(session, now_s) for session in served) > 1.5 * allowed

    return decided


def _surely_late(session: Session, now_s: float) -> bool:
    """Whether its last final came late, or nothing tells that it will come: some systems never say that a session has
    ended, so that their clients have to wait for silence.
    """
    return session.after_end_s(now_s) > (BOUND_S if session.ended else SILENT_S)


def _used(idle: Reading, first: Reading, last: Reading, streams: int) -> dict[str, Any]:
    """Returns CPU in cores over the window, and memory at its end, by role."""
    seconds = last.at_s - first.at_s
    cores = {
        role: (used.cpu_s - first.by_role[role].cpu_s) / seconds
        for role, used in last.by_role.items()
        if role in first.by_role
    }
    added = {
        role: used.private_mib - idle.by_role[role].private_mib
        for role, used in last.by_role.items()
        if role in idle.by_role
    }
    load_cores = (last.load_cpu_s - first.load_cpu_s) / seconds
    busy_cores = (last.machine_busy_s - first.machine_busy_s) / seconds
    return {
        "cores": sum(cores.values()),
        "cores_by_role": cores,
        "load_cores": load_cores,
        "cores_others": max(busy_cores - sum(cores.values()) - load_cores, 0.0),
        "private_mib": sum(used.private_mib for used in last.by_role.values()),
        "private_mib_by_role": {role: used.private_mib for role, used in last.by_role.items()},
        "added_mib_per_stream": {role: mib / streams for role, mib in added.items()},
    }
