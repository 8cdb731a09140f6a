"""Several devices as one; with real children: integration."""

import numpy as np
import pytest

from josefine_inference.messages import Batch, Work
from josefine_inference.pool import DevicePool
from josefine_inference.port import DeviceError, DeviceState
from josefine_inference.suspects import Tried


class ScriptedDevice:
    """A device in the state that a test wants."""

    def __init__(self, state=DeviceState.WORKING, work=0) -> None:
        self.state = state
        self.reason = "cannot be killed"
        self.work = [Tried(Batch("tiny.en", "en", ()), deaths=1) for _ in range(work)]
        self.closed = False
        self.on_trial = False

    def poll(self, **_):
        return []

    def ahead_hops(self) -> int:
        return sum(tried.batch.hops or 500 for tried in self.work)

    def room(self):
        return 0 if self.state is DeviceState.QUARANTINED else max(0, 2 - len(self.work))

    def ready(self):
        return self.state is DeviceState.WORKING

    def unfinished(self):
        return self.work

    def surrender(self):
        work, self.work = self.work, []
        return work

    def submit(self, batch, feared=()):
        self.resume([Tried(batch)])

    def fear(self, sessions):
        pass

    def culprits(self):
        return frozenset()

    tried_sessions = frozenset()

    def resume(self, tried):
        self.work = [*self.work, *tried]

    def close(self):
        self.closed = True


def test_a_batch_waits_for_what_stands_before_the_device_that_gets_it():
    busy, idle = ScriptedDevice(work=1), ScriptedDevice()
    pool = DevicePool([busy, idle])
    assert pool.ahead_hops() == 0
    pool.submit(Batch("tiny.en", "en", ()))
    assert (len(busy.work), len(idle.work), pool.ahead_hops()) == (1, 1, 500)


def test_of_devices_that_work_the_one_with_less_speech_before_it_gets_the_batch():
    long, short = ScriptedDevice(), ScriptedDevice()
    long.resume([Tried(Batch("tiny.en", "en", (Work(1, np.zeros((900, 80), np.float16)),)))])
    short.resume([Tried(Batch("tiny.en", "en", (Work(2, np.zeros((200, 80), np.float16)),)))])
    pool = DevicePool([long, short])
    assert pool.ahead_hops() == 200
    pool.submit(Batch("tiny.en", "en", ()))
    assert (len(long.work), len(short.work)) == (1, 2)


@pytest.mark.parametrize(
    ("devices", "idle"),
    [
        ([ScriptedDevice()], 0),
        ([ScriptedDevice(), ScriptedDevice()], 2),
        ([ScriptedDevice(work=1), ScriptedDevice()], 1),
        ([ScriptedDevice(work=1), ScriptedDevice(work=1)], 0),
        ([ScriptedDevice(DeviceState.QUARANTINED), ScriptedDevice()], 0),
    ],
)
def test_idle_devices_are_counted_where_there_are_several(devices, idle):
    assert DevicePool(devices).idle() == idle


def test_what_waits_at_a_device_in_quarantine_goes_to_the_least_burdened():
    lost, busy, idle = ScriptedDevice(DeviceState.QUARANTINED, 3), ScriptedDevice(work=2), ScriptedDevice()
    pool = DevicePool([lost, busy, idle])
    work = lost.work
    assert pool.poll() == []
    assert (len(lost.work), len(busy.work), len(idle.work)) == (0, 3, 2)
    assert {tried.deaths for tried in idle.work} == {1}
    assert all(any(tried is one for one in busy.work + idle.work) for tried in work)
    pool.close()
    assert lost.closed


@pytest.mark.parametrize("state", [DeviceState.STARTING, DeviceState.ENDING])
def test_what_waits_for_a_next_child_goes_to_a_device_that_works(state):
    lost, idle = ScriptedDevice(state, 3), ScriptedDevice()
    work = lost.work
    DevicePool([lost, idle]).poll()
    assert (lost.work, idle.work) == ([], work)
    assert {tried.deaths for tried in idle.work} == {1}


def test_what_waits_stays_where_no_device_works():
    lost, starting = ScriptedDevice(DeviceState.ENDING, 3), ScriptedDevice(DeviceState.STARTING)
    DevicePool([lost, starting]).poll()
    assert (len(lost.work), len(starting.work)) == (3, 0)


def test_of_devices_with_equal_room_the_one_with_less_to_do_gets_a_batch():
    tries_suspects, idle = ScriptedDevice(work=1), ScriptedDevice()
    tries_suspects.room = idle.room
    DevicePool([tries_suspects, idle]).submit(Batch("tiny.en", "en", ()))
    assert len(idle.work) == 1


def test_nothing_waits_for_a_device_that_starts_beside_one_that_works():
    starting, working = ScriptedDevice(DeviceState.STARTING), ScriptedDevice()
    pool = DevicePool([starting, working])
    assert pool.room() == 2
    pool.submit(Batch("tiny.en", "en", ()))
    assert not starting.work
    working.state = DeviceState.ENDING
    assert pool.room() == 3


def test_without_a_device_the_service_ends():
    devices = [ScriptedDevice(DeviceState.QUARANTINED), ScriptedDevice(DeviceState.QUARANTINED)]
    with pytest.raises(DeviceError, match="cannot be killed; cannot be killed"):
        DevicePool(devices).poll()
