"""Two devices through anything: children that answer, die, hang, talk nonsense, cannot be killed, in any order."""

from collections import Counter, deque
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.device import Device, DeviceOptions
from josefine_inference.hypothesis import Hypothesis
from josefine_inference.messages import Batch, Decoded, Work, pack_hypotheses
from josefine_inference.pool import DevicePool
from josefine_inference.port import DeviceError, DeviceState
from josefine_inference.process import ChildGoneError, ChildOptions

HEARD = Hypothesis("so", (), -0.5, 0.1, 1.0, 1)
POISON = 7
"""Windows whose number this divides kill whoever decodes them."""
LIMITS = DeadlineLimits(batch_s=10.0, load_s=20.0, term_s=2.0, kill_s=10.0)
ROUNDS = 400
"""In which everything is decoded once the world is whole again."""


class World:
    """The children of all devices, and the kernel that ends them or holds them."""

    def __init__(self):
        self.now_s = 0.0
        self.held = set()
        self.children = []

    def clock(self):
        return self.now_s

    def child(self, options):
        child = ScriptedChild(self, options.device, len(self.children))
        self.children.append(child)
        return child

    def let_go(self, device):
        self.held.discard(device)
        for child in self.living(device):
            child.alive = not child.doomed

    def living(self, device):
        return [child for child in self.children if child.device == device and child.alive]


class ScriptedChild:
    """One child, as ChildProcess shows it to the parent."""

    def __init__(self, world, device, pid):
        self.world, self.device, self.pid = world, device, pid
        self.slots = SimpleNamespace(write=lambda _slot, arrays: [0] * len(arrays))
        self.told, self.said = deque(), []
        self.alive = True
        self.fenced = self.doomed = self.released = False

    def send(self, message):
        self.told.append(message)

    def pump(self):
        assert not self.fenced, "a fenced child is heard"
        said, self.said = self.said, []
        if not said and not self.alive:
            raise ChildGoneError(f"child {self.pid} closed its socket")
        return said

    def fence(self):
        self.fenced = True

    def terminate(self):
        self.kill()

    def kill(self):
        assert not self.released
        self.doomed = True
        if self.device not in self.world.held:
            self.alive = False

    def reaped(self):
        return not self.alive

    def release(self):
        self.released = True

    def wait(self, _timeout_s):
        return not self.alive

    def work(self, numbers):
        """Does the oldest command; dies of a poisonous window."""
        if not (self.told and self.alive):
            return
        command = self.told.popleft()
        match command["type"]:
            case "load":
                self.say(type="loaded")
            case "probe":
                self.say(type="probed")
            case "batch" if any(number % POISON == 0 for number in numbers(command)):
                self.alive = False
            case "batch":
                self.say(type="decoded", hypotheses=pack_hypotheses([HEARD] * len(command["work"])))

    def lacks_memory(self):
        while self.alive and self.told and self.told[0]["type"] == "batch":
            self.told.popleft()
            self.say(type="out_of_memory", reason="too large")

    def say(self, **message):
        self.said.append({"seconds": 0.1, **message})


def numbers(command):
    """Returns the numbers of a command's windows, which stand in for their prefixes."""
    return [int(work["prefix"][0]) for work in command["work"]]


def batch(first, count):
    return Batch("tiny.en", "en", tuple(window(first + index) for index in range(count)))


def window(number):
    return Work(number, np.zeros((3, 2), np.float16), prefix=(str(number),))


NAMES = ("first", "second")
DEVICES = st.sampled_from(NAMES)
ACTIONS = st.one_of(
    st.tuples(st.just("submit"), st.integers(1, 5)),
    st.tuples(st.just("pass"), st.sampled_from([0.1, 1.0, 3.0, 11.0, 61.0])),
    st.tuples(st.sampled_from(["work", "work", "die", "babble", "lack", "hold", "let go"]), DEVICES),
)


def act(world, pool, action, submitted):
    match action:
        case "submit", count:
            if pool.room():
                pool.submit(batch(len(submitted) + 1, count))
                submitted += range(len(submitted) + 1, len(submitted) + 1 + count)
        case "pass", seconds:
            world.now_s += seconds
        case "hold", name:
            world.held.add(name)
        case "let go", name:
            world.let_go(name)
        case what, name:
            for child in world.living(name):
                befall(child, what)


def befall(child, what):
    match what:
        case "work":
            child.work(numbers)
        case "die":
            child.alive = False
        case "babble":
            child.say(type="decoded", hypotheses=[1, 2, 3])
        case "lack":
            child.lacks_memory()


def check(world, devices, submitted, outcomes):
    known = Counter(one.id for one in outcomes)
    for device in devices:
        known.update(work.id for tried in device.unfinished() for work in tried.batch.work)
        assert len(world.living(device.options.child.device)) <= 1, "two children on one device"
        assert (device.status()[0].pid is None) == (device.state in (DeviceState.ENDING, DeviceState.QUARANTINED))
        assert (device.reason != "") == (device.state is DeviceState.QUARANTINED)
        assert device.state is not DeviceState.QUARANTINED or not device.unfinished()
    assert known == Counter(submitted), "a window is lost, or comes twice"


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr("josefine_inference.conversation.ChildProcess", made.child)
    return made


def test_two_failures_in_one_look_lose_no_window(world):
    device = Device(DeviceOptions(ChildOptions("first"), "tiny.en", LIMITS), world.clock)
    world.children[0].work(numbers)
    device.poll()
    device.submit(batch(1, 1))
    device.submit(batch(2, 1))
    world.children[0].lacks_memory()
    assert device.poll() == []
    assert sorted(work.id for tried in device.unfinished() for work in tried.batch.work) == [1, 2]
    assert sorted(tried.deaths for tried in device.unfinished()) == [0, 1]  # one is enough for one child


@settings(max_examples=200)
@given(st.lists(ACTIONS, max_size=80))
def test_no_window_is_lost_and_none_comes_twice(actions):
    world, submitted, outcomes = World(), [], []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("josefine_inference.conversation.ChildProcess", world.child)
        devices = [Device(DeviceOptions(ChildOptions(name), "tiny.en", LIMITS), world.clock) for name in NAMES]
        pool = DevicePool(devices)
        try:
            for action in actions:
                act(world, pool, action, submitted)
                outcomes += pool.poll()
                check(world, devices, submitted, outcomes)
            for name in NAMES:
                world.let_go(name)
            for _ in range(ROUNDS):
                if len(outcomes) == len(submitted) and all(device.ready() for device in devices):
                    break
                for name in NAMES:
                    act(world, pool, ("work", name), submitted)
                act(world, pool, ("pass", 0.5), submitted)
                outcomes += pool.poll()
                check(world, devices, submitted, outcomes)
        except DeviceError:
            event("no device left")
            assert {device.state for device in devices} == {DeviceState.QUARANTINED}
            return
        event("went on")
        assert Counter(one.id for one in outcomes) == Counter(submitted)
        assert not any(isinstance(one, Decoded) for one in outcomes if one.id % POISON == 0)
        assert all(device.state is DeviceState.WORKING for device in devices)
        pool.close()
        assert not any(child.alive for child in world.children)
