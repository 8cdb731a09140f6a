"""Which devices there are to be, and how many threads of a CPU each gets."""

import math
import os
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


class Place(NamedTuple):
    """Where a child is to work."""

    device: str
    """As torch names it, or auto."""
    threads: int
    """Of a CPU; 0: torch's own choice."""


def places(devices: str, threads: int, *, cores: int, driver: bool) -> list[Place]:
    """Returns a place for each device. Pure.

    Args:
        devices: Names with commas between them. `auto` alone is a CUDA device or, without a driver, the CPU.
        threads: Of each CPU device; 0: they share the cores.
        cores: What the process may use.
        driver: Whether there may be a CUDA device.
    """
    names = [device.strip() for device in devices.split(",")]
    if names == [AUTO] and not driver:
        names = [CPU] * max(1, min(CPU_DEVICES, cores))
    share = max(1, cores // max(1, names.count(CPU)))
    return [Place(name, threads or (share if name == CPU else 0)) for name in names]


def cuda_driver() -> bool:
    """Returns whether the machine has a driver; whether that has a device is for a child to find out."""
    return any(driver.exists() for driver in _DRIVERS)


def usable_cores(quota: Path = _QUOTA) -> int:
    """Returns how many cores this process may keep busy: those that it may run on, and a container's share of them.

    quota: cgroup v2's file, which need not be there.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        used_us, period_us = quota.read_text().split()
        share = math.ceil(int(used_us) / int(period_us))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return there
    return max(1, min(there, share))
