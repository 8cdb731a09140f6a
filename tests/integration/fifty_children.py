"""A device that loses many children; a process of its own, as it counts what its process holds.

Prints as JSON what it held after the first of them and after the last, and how many restarts its device has counted.
"""

import gc
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest
from child_kit import Clock, Devices, answers, batch, texts, until, window

from josefine_inference.messages import Work

RESTARTS = 50
FIRST_RESTARTS = 5
"""After these every import, cache and pool of the allocator is there."""


def held():
    """Returns what this process holds, and how many bytes of it are resident."""
    gc.collect()
    process = psutil.Process()
    children = process.children()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "slots": sum("josefine-batches" in line for line in Path("/proc/self/maps").read_text().splitlines()),
        "threads": threading.active_count(),
        "children": len(children),
        "zombies": sum(child.status() == psutil.STATUS_ZOMBIE for child in children),
    }, process.memory_info().rss


def lose_children(device):
    before, resident = {}, 0
    for restart in range(RESTARTS):
        until(device, lambda _: device.ready())
        device.submit(batch(Work(1, window()), Work(2, window())))
        answers(device, 2)
        if restart == FIRST_RESTARTS:
            before, resident = held()
        child = device.status()[0].pid
        os.kill(child, signal.SIGSTOP)  # so that the batch is there when it dies
        device.submit(batch(Work(3, window())))
        os.kill(child, signal.SIGKILL)
        if set(texts(answers(device, 1))) != {3}:
            sys.exit("the batch that a child died of did not come back")
    after, resident_after = held()
    return {"restarts": device.restarts, "before": before, "after": after, "grown_bytes": resident_after - resident}


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        devices = Devices(Clock(), patch, Path(folder))
        try:
            told = lose_children(devices())
        finally:
            devices.close()
    json.dump(told, sys.stdout)
