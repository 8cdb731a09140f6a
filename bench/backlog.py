"""Recorded sessions that are all in the log already: how busy the host keeps a device that is this fast.

Busy is measured between two ends of batches, from when everything was sent until nine tenths were decoded, so that
neither the sending nor the last, smaller batches count. CPU is of the whole, over all audio that was sent.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench.hearing import Heard, Listener
from bench.host_row import HOST_ROLES
from bench.load import START_S, LoadOptions, LoadProcess
from bench.simulated_device import StepTimes
from bench.stages import DeviceWork, device_work, ports
from bench.usage import cpu_between, usage
from josefine_kafka.connection import Broker
from josefine_local.stack import LocalStack

SECONDS: Final = 20.0
"""Of the device's work that is sent."""
SESSION_S: Final = 60.0
MOST_AUDIO_S: Final = 6_000.0
"""200 MB of samples in the broker."""
LOOK_S: Final = 0.1
"""Between two looks at the service's count of batches, which is a page to ask for and tells no one when it changes:
half a per cent of what is measured, and seldom enough that answering costs the host little.
"""
BATCH_MS: Final = 6.0
NEARLY: Final = 0.9
PATIENCE_S: Final = 180.0


def measure_backlog(
    stack: LocalStack, tape: Path, speeds: list[float], step_times: Path, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Returns a row for each speed of the device, in seconds of audio a second."""
    rows = []
    for speed in speeds:
        StepTimes(BATCH_MS, 1000 / speed).write(step_times)
        row = _measure(stack, tape, speed)
        progress(f"device of {speed:.0f} x real time: busy {row['busy']:.3f}, fed {row['audio_s_per_s']:.0f} x")
        rows.append(row)
    return rows


def _measure(stack: LocalStack, tape: Path, speed: float) -> dict[str, Any]:
    audio_s = min(speed * SECONDS, MOST_AUDIO_S)
    sessions = max(round(audio_s / SESSION_S), 4)
    name, begin_s = f"backlog-{time.time_ns()}", time.time() + START_S
    load = LoadOptions(
        stack.bootstrap_servers, str(tape), name, sessions, begin_s, SESSION_S, 0.0, SESSION_S, SESSION_S,
        mode="RECORDED",
    )  # fmt: skip
    listener, heard, port = Listener(Broker(stack.bootstrap_servers)), Heard(name), ports(stack)["inference"]
    with ExitStack() as processes:
        processes.callback(listener.close)
        sending = processes.enter_context(LoadProcess(load))
        used, at_first = usage(stack), device_work(port)
        outcome = sending.outcome()
        begun_s, begun = _next_batch(port, device_work(port))
        last_s, last = begun_s, begun
        while last.since(at_first).audio_s < NEARLY * outcome.audio_s and heard.ends < sessions:
            last_s, last = _next_batch(port, last)
            listener.poll(0.0, heard)
        deadline_s = time.time() + PATIENCE_S
        while heard.ends < sessions and time.time() < deadline_s:
            listener.poll(0.1, heard)
        spent = cpu_between(used, usage(stack))
    if heard.ends < sessions or heard.failures:
        raise RuntimeError(f"{sessions - heard.ends} of {sessions} sessions have not ended; {heard.failures[:3]}")
    done, wall_s = last.since(begun), last_s - begun_s
    row = {
        "device_x": speed,
        "audio_s": outcome.audio_s,
        "window_s": wall_s,
        "busy": done.busy_s / wall_s if wall_s else 0.0,
        "audio_s_per_s": done.audio_s / wall_s if wall_s else 0.0,
        "batch_audio_s": done.audio_s / done.batches if done.batches else 0.0,
    }
    return row | {f"{role}_ms": 1000 * spent[role] / outcome.audio_s for role in (*HOST_ROLES, "broker")}


def _next_batch(port: int, before: DeviceWork) -> tuple[float, DeviceWork]:
    """Returns when the next batch had ended, and the work by then.

    Raises:
        RuntimeError: none ends.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while (work := device_work(port)).batches == before.batches:
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"no batch has ended for {PATIENCE_S:.0f} s")
        time.sleep(LOOK_S)  # the count is a page to ask for: nothing tells when it changes
    return time.monotonic(), work
