"""CPU time and memory of the processes of a stack, by role."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import psutil

from josefine_local.stack import LocalStack

MIB: Final = 1024 * 1024
CHILD: Final = "inference child"
"""The process that owns a device."""
SERVERS: Final = frozenset({"broker", "store"})
NOT_HOST: Final = SERVERS | {CHILD}
"""Model, broker and store are not Python's doing."""

MOST_OTHERS: Final = 0.15
"""Cores that others may take: on a quiet machine the system itself takes some hundredths, and a row with more tells of
a machine that was not quiet.
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one role."""

    cpu_s: float
    """Since its processes began, system time included."""
    resident_mib: float
    private_mib: float
    """Without what is shared with others, such as mapped libraries."""

    def __add__(self, other: "Usage") -> "Usage":
        """Returns the sums: of two processes of a role."""
        return Usage(
            self.cpu_s + other.cpu_s, self.resident_mib + other.resident_mib, self.private_mib + other.private_mib
        )


NOTHING: Final = Usage(0.0, 0.0, 0.0)


def usage(stack: LocalStack) -> dict[str, Usage]:
    """Returns what each role has used, device children apart from their parents."""
    used: dict[str, Usage] = {}
    for role, process in _processes(stack):
        used[role] = used.get(role, NOTHING) + of_process(process)
    return used


def of_process(process: psutil.Process) -> Usage:
    """Returns what one process has used, without its children.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    times, memory = process.cpu_times(), process.memory_full_info()
    return Usage(times.user + times.system, memory.rss / MIB, memory.uss / MIB)


def cpu_between(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, float]:
    """Returns CPU seconds by role."""
    return {role: after[role].cpu_s - before[role].cpu_s for role in after if role in before}


def host_cpu_s(spent: Mapping[str, float]) -> float:
    """Returns the CPU seconds of everything but model, broker and store."""
    return sum(seconds for role, seconds in spent.items() if role not in NOT_HOST)


def machine_s() -> tuple[float, float]:
    """Returns CPU seconds that all cores were busy since the machine began, and those that its host took away."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq, times.steal


def _processes(stack: LocalStack) -> Iterator[tuple[str, psutil.Process]]:
    for each in stack.status().processes:
        if each.pid is None:
            continue
        root = psutil.Process(each.pid)
        yield each.role, root
        devices = {device.pid for device in each.devices or ()}
        for child in root.children(recursive=True):
            yield (CHILD if child.pid in devices else f"{each.role} helper"), child
