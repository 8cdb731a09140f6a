"""Children come and go; the parent stays as it is."""

import gc
import os
import signal
import sys
import threading
from pathlib import Path

import psutil
import pytest
from child_kit import Clock, Devices, answers, batch, texts, until, window

from josefine_inference.messages import Work

RESTARTS = 50
FIRST_RESTARTS = 5
"""After these every import, cache and pool of the allocator is there."""
MOST_GROWTH_BYTES = 8 * 1024 * 1024
"""0.18 MB a restart: far below anything that a child brings with it, above what the allocator does by itself."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc shows"),
]


@pytest.fixture
def start(monkeypatch, tmp_path):
    devices = Devices(Clock(), monkeypatch, tmp_path)
    yield devices
    devices.close()


def held():
    """Returns what this process holds and must not hold more of."""
    gc.collect()  # what tests before this one have left to it
    children = psutil.Process().children()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "slots": sum("josefine-batches" in line for line in Path("/proc/self/maps").read_text().splitlines()),
        "threads": threading.active_count(),
        "children": len(children),
        "zombies": sum(child.status() == psutil.STATUS_ZOMBIE for child in children),
    }


def test_fifty_children_leave_nothing_behind(start):
    device = start()
    process = psutil.Process()
    before, resident = {}, 0
    for restart in range(RESTARTS):
        until(device, lambda _: device.ready())
        device.submit(batch(Work(1, window()), Work(2, window())))
        answers(device, 2)
        if restart == FIRST_RESTARTS:
            before, resident = held(), process.memory_info().rss
        child = device.status()[0].pid
        os.kill(child, signal.SIGSTOP)  # so that the batch is there when it dies
        device.submit(batch(Work(3, window())))
        os.kill(child, signal.SIGKILL)
        assert set(texts(answers(device, 1))) == {3}
    assert device.restarts == RESTARTS
    assert held() == before
    assert (before["slots"], before["zombies"]) == (1, 0)
    assert process.memory_info().rss - resident < MOST_GROWTH_BYTES
