"""Devices with real child processes that load their models from child_models.py, and what tests ask of them."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from deadlines import wait_until

from josefine_inference.device import Device
from josefine_inference.device_options import DeviceOptions
from josefine_inference.messages import Batch, Decoded
from josefine_inference.process import ChildOptions

MODELS = Path(__file__).parents[1] / "unit" / "josefine_inference"
SPEAK, DIE, HANG, REFUSE, RAISE, DIE_ONCE = range(6)
"""As in child_models.py."""
MELS = 4


class Clock:
    """Real time, and what a test adds to it."""

    def __init__(self):
        self.ahead_s = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead_s


class Devices:
    """Starts devices, and closes them."""

    def __init__(self, clock, monkeypatch, tmp_path):
        monkeypatch.setenv("PYTHONPATH", str(MODELS), prepend=os.pathsep)
        monkeypatch.setenv("JOSEFINE_TEST_DIED", str(tmp_path / "died"))
        self._clock = clock
        self._devices = []

    def __call__(self, model="tiny.en", device="scripted", faults="", **changes):
        child = ChildOptions(device, slot_bytes=64 * 1024, loader="child_models:load", faults=faults)
        started = Device(DeviceOptions(child, model, **changes), self._clock)
        self._devices.append(started)
        return started

    def close(self):
        for device in self._devices:
            device.close()


def window(what=SPEAK, hops=10, last=0):
    log_mel = np.zeros((hops, MELS), np.float16)
    log_mel[0, 0], log_mel[-1, -1] = what, last
    return log_mel


def batch(*works, model="tiny.en", language="en"):
    return Batch(model, language, works)


def until(device, done, within_s=120.0):
    """Polls until `done(outcomes so far)` and returns the outcomes."""
    outcomes, pause = [], threading.Event()

    def poll():
        outcomes.extend(device.poll())
        pause.wait(0.002)

    wait_until(lambda: done(outcomes), within_s=within_s, meanwhile=poll, awaited=lambda: f"only {outcomes} came")
    return outcomes


def answers(device, count):
    return until(device, lambda outcomes: len(outcomes) >= count)


def texts(outcomes):
    return {one.id: one.hypothesis.text for one in outcomes if isinstance(one, Decoded)}


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
