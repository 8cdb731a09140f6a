"""Which devices there are to be, and how many threads of a CPU each gets."""

import math
import os
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

AUTO: Final = "auto"
CPU: Final = "cpu"
CPU_DEVICES: Final = 2
"""Of a CPU that nobody has divided. A step of the decoder is too small for many threads: two children with one thread
each decode half as much again as one with two, and need a model's memory each (docs/performance.md)."""
_DRIVERS: Final = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Where there may be a CUDA device: NVIDIA's driver, and that of Windows for its Linux."""
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""Of a container: microseconds that it may use the processor for, and in how many. Linux, cgroup v2."""
_SIBLINGS: Final = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
"""Which processors are threads of one core. Linux."""


class Place(NamedTuple):
    """Where a child is to work."""

    device: str
    """As torch names it, or auto."""
    name: str
    """What it is called: as above, numbered where several have that name."""
    threads: int
    """Of a CPU; 0: torch's own choice."""


def names_of(devices: str) -> list[str]:
    """Returns the names in JOSEFINE_DEVICE.

    Raises:
        ValueError: one is empty, or auto is not alone.
    """
    names = [device.strip() for device in devices.split(",")]
    if "" in names:
        raise ValueError("names a device between each two commas: cpu,cpu or cuda:0,cuda:1")
    if AUTO in names and len(names) > 1:
        raise ValueError("auto stands alone: it says by itself how many devices there are")
    return names


def places(devices: str, threads: int, *, cores: int, driver: bool) -> list[Place]:
    """Returns a place for each device. Pure.

    Args:
        devices: Names with commas between them. `auto` is a CUDA device or, without a driver, the CPU.
        threads: Of each CPU device; 0: they share the cores.
        cores: What the process may use.
        driver: Whether there may be a CUDA device.
    """
    names = names_of(devices)
    if names == [AUTO] and not driver:
        names = [CPU] * max(1, min(CPU_DEVICES, cores))
    # A child that looks for a card and finds none has all cores for itself.
    share = max(1, cores // max(1, names.count(CPU)))
    alike, numbers = Counter(names), Counter[str]()
    found = []
    for name in names:
        numbers[name] += 1
        label = name if alike[name] == 1 else f"{name}#{numbers[name]}"
        found.append(Place(name, label, threads or (share if name in (CPU, AUTO) else 0)))
    return found


def cuda_driver() -> bool:
    """Returns whether the machine has a driver; whether that has a device is for a child to find out."""
    return any(driver.exists() for driver in _DRIVERS)


def usable_cores(quota: Path = _QUOTA, siblings: str = _SIBLINGS) -> int:
    """Returns how many cores this process may keep busy: those that it may run on, and a container's share of them.

    Two threads of one core count as one: both together do hardly more arithmetic.

    Args:
        quota: cgroup v2's file, which need not be there.
        siblings: Path of a processor's list of its core's threads, which need not be there.
    """
    if hasattr(os, "sched_getaffinity"):
        there = len({_core(number, siblings) for number in os.sched_getaffinity(0)})
    else:
        there = os.cpu_count() or 1
    try:
        used_us, period_us = quota.read_text().split()
        share = math.ceil(int(used_us) / int(period_us))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return there
    return max(1, min(there, share))


def _core(processor: int, siblings: str) -> str:
    try:
        return Path(siblings.format(processor)).read_text().strip()
    except OSError:
        return str(processor)
