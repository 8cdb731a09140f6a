"""Two devices through anything: children that answer, die, hang, talk nonsense, cannot be killed, in any order."""

from collections import Counter
from dataclasses import replace

import pytest
from device_kit import POISON, World, batch, numbers
from hypothesis import event, given, settings
from hypothesis import strategies as st

from josefine_inference.deadlines import ENOUGH, DeadlineLimits
from josefine_inference.device import Device
from josefine_inference.device_options import DeviceOptions
from josefine_inference.health import HealthOptions
from josefine_inference.messages import Decoded, Failed
from josefine_inference.pool import DevicePool
from josefine_inference.port import DeviceError, DeviceState
from josefine_inference.process import ChildOptions

LIMITS = DeadlineLimits(batch_s=10.0, load_s=20.0, term_s=2.0, kill_s=10.0)
ROUNDS = 400
"""In which everything is decoded once the world is whole again."""


NAMES = ("first", "second")
DEVICES = st.sampled_from(NAMES)
ACTIONS = st.one_of(
    st.tuples(st.just("submit"), st.integers(1, 5)),
    st.tuples(st.just("pass"), st.sampled_from([0.1, 1.0, 3.0, 11.0, 61.0])),
    st.tuples(st.sampled_from(["work", "work", "die", "babble", "lack", "hold", "starve", "let go"]), DEVICES),
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
        case "starve", name:
            world.lacking.add(name)
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


def check(world, pool, submitted, outcomes, most):
    known = Counter(one.id for one in outcomes)
    for device in pool.children():
        known.update(work.id for tried in device.unfinished() for work in tried.batch.work)
        assert len(world.living(device.options.child.device)) <= most, "more children on one device than may be"
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


def test_a_device_that_gets_no_process_leaves_the_service_to_the_other_and_comes_back(world):
    world.lacking = {"second"}
    first, second = (Device(DeviceOptions(ChildOptions(name), "tiny.en", LIMITS), world.clock) for name in NAMES)
    pool = DevicePool([first, second], world.clock)
    for _ in range(60):
        world.now_s += 0.1
        world.children[0].work(numbers)
        pool.poll()
    assert (first.state, second.state) == (DeviceState.WORKING, DeviceState.QUARANTINED)
    assert "no process can be had" in second.reason
    world.lacking = set()
    world.now_s += second.options.rest_s
    pool.poll()
    world.children[1].work(numbers)
    pool.poll()
    assert second.state is DeviceState.WORKING


def test_without_a_process_for_any_device_the_service_ends(world):
    world.lacking = set(NAMES)
    devices = [Device(DeviceOptions(ChildOptions(name), "tiny.en", LIMITS), world.clock) for name in NAMES]
    pool = DevicePool(devices, world.clock)
    for world.now_s in (0.0, 0.6):  # a moment later there may be one
        assert pool.poll() == []
    world.now_s = 1.7
    with pytest.raises(DeviceError, match="no process can be had"):
        pool.poll()


@pytest.mark.parametrize("whole", [False, True])
def test_a_full_batch_of_short_windows_has_the_time_that_its_model_takes_for_them(world, whole):
    world.whole_windows, world.answer_s = whole, 2.0
    device = Device(DeviceOptions(ChildOptions("first"), "small", LIMITS), world.clock)
    (child,) = world.children
    child.work(numbers)
    device.poll()
    for number in range(8, 8 + ENOUGH):
        device.submit(replace(batch(number, 1), model="small"))
        child.work(numbers)
        device.poll()
    device.submit(replace(batch(1, 12), model="small"))
    device.poll()
    world.now_s += 24.0
    device.poll()
    assert device.ready() is whole


def test_a_driver_that_cannot_be_asked_is_no_reason_to_end(world):
    asked = HealthOptions(program=("/no/such/program",))
    device = Device(DeviceOptions(ChildOptions("cuda:0"), "tiny.en", LIMITS, health=asked), world.clock)
    world.children[0].work(numbers)
    device.poll()
    (line,) = device.status()
    assert (line.state, line.health.healthy) == (DeviceState.WORKING, None)
    assert "cannot be started" in line.health.reason


@pytest.mark.parametrize("wrong", [1, 3, 5])
def test_a_window_that_is_refused_costs_no_other_its_text(world, wrong):
    device = Device(DeviceOptions(ChildOptions("first"), "tiny.en", LIMITS), world.clock)
    (child,) = world.children
    child.work(numbers)
    device.poll()
    device.submit(batch(1, 5))
    outcomes = []
    while device.unfinished():
        child.refuses(wrong)
        outcomes += device.poll()
    assert {one.id: isinstance(one, Failed) for one in outcomes} == {id_: id_ == wrong for id_ in range(1, 6)}
    assert device.restarts == 0


@settings(max_examples=200)
@given(st.lists(ACTIONS, max_size=80), st.booleans(), st.booleans())
def test_no_window_is_lost_and_none_comes_twice(actions, spare, hangs):
    world, submitted, outcomes = World(), [], []
    world.hangs = hangs
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("josefine_inference.conversation.ChildProcess", world.child)
        devices = [Device(DeviceOptions(ChildOptions(name), "tiny.en", LIMITS), world.clock) for name in NAMES]
        pool = DevicePool(devices, world.clock, spare=spare)
        try:
            for action in actions:
                act(world, pool, action, submitted)
                outcomes += pool.poll()
                check(world, pool, submitted, outcomes, 1 + spare)
            for name in NAMES:
                world.let_go(name)
            for _ in range(ROUNDS):
                if len(outcomes) == len(submitted) and all(device.ready() for device in devices):
                    break
                for name in NAMES:
                    act(world, pool, ("work", name), submitted)
                act(world, pool, ("pass", 0.5), submitted)
                outcomes += pool.poll()
                check(world, pool, submitted, outcomes, 1 + spare)
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
