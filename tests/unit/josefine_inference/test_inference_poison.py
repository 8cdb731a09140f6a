"""What a window that hangs its child costs the others, by a clock that the test turns: no more than is promised."""

from collections import deque

import pytest
from device_kit import POISON, World, batch, numbers

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.device import Device, DeviceOptions
from josefine_inference.messages import Batch, Failed
from josefine_inference.pool import DevicePool
from josefine_inference.port import DeviceState
from josefine_inference.process import ChildOptions

LIMITS = DeadlineLimits(batch_s=10.0, load_s=120.0, term_s=2.0)
STEP_S, LOAD_S = 0.1, 5.0
"""What a child takes for a batch, and to load its model."""
ROOM_S = 3.0
"""To look, to start a child, and to decode what queued up; a batch's deadline is a bit more than the least as well."""
OUTAGE_S = LIMITS.batch_s + LIMITS.term_s + LOAD_S
COMPANY = 5
POISONED = range(POISON - 2, POISON - 2 + COMPANY)
STREAM = range(1000, 100_000)


class Run:
    """Devices, a queue before them as the scheduler is, and how long each window was on its way."""

    def __init__(self, world, names):
        self.world, self.queue = world, deque()
        devices = [Device(DeviceOptions(ChildOptions(name), "tiny.en", LIMITS), world.clock) for name in names]
        self.devices, self.pool = devices, DevicePool(devices)
        self.broken = set()
        """Devices whose children load for ever."""
        self.arrived_s, self.outcomes, self.took_s = {}, {}, {}
        self._stream = (number for number in STREAM if number % POISON)

    def arrive(self, made):
        self.queue.append(made)
        self.arrived_s.update((work.id, self.world.now_s) for work in made.work)

    def step(self, every=0):
        """A tenth of a second; `every` so many of them somebody speaks, 0: nobody."""
        self.world.now_s += STEP_S
        for child in self.world.children:
            loading = child.told and child.told[0]["type"] == "load"
            if not loading or (self.world.now_s - child.born_s > LOAD_S and child.device not in self.broken):
                child.work(numbers)
        if every and round(self.world.now_s / STEP_S) % every == 0:
            self.arrive(batch(next(self._stream), 1))
        for one in self.pool.poll():
            assert one.id not in self.outcomes
            self.outcomes[one.id] = one
            self.took_s[one.id] = self.world.now_s - self.arrived_s[one.id]
        while self.queue and self.pool.room():
            self.pool.submit(self._next_batch())

    def steps(self, seconds, every=0):
        for _ in range(round(seconds / STEP_S)):
            self.step(every)

    def _next_batch(self):
        """Returns the queue's first batch and, if it is a single window, the single ones behind it: as a scheduler."""
        work = list(self.queue.popleft().work)
        while len(work) in range(1, COMPANY) and self.queue and len(self.queue[0].work) == 1:
            work += self.queue.popleft().work
        return Batch("tiny.en", "en", tuple(work))

    def longest_s(self, *, of):
        return max(seconds for id_, seconds in self.took_s.items() if id_ in of)


@pytest.fixture
def start(monkeypatch):
    world = World()
    world.hangs = True
    monkeypatch.setattr("josefine_inference.conversation.ChildProcess", world.child)

    def run(*names):
        made = Run(world, names)
        made.steps(LOAD_S + 1)
        assert made.pool.ready()
        return made

    return run


def poisoned(first):
    """Returns a batch whose `first`-th window is the poisonous one."""
    order = [number for number in POISONED if number != POISON]
    order.insert(first, POISON)
    return Batch("tiny.en", "en", tuple(batch(number, 1).work[0] for number in order))


@pytest.mark.parametrize("culprit", range(COMPANY))
@pytest.mark.parametrize("every", [2, 3, 10, 70])
def test_a_window_that_hangs_delays_another_sessions_by_one_deadline(start, every, culprit):
    run = start("only")
    run.steps(10, every)
    run.arrive(poisoned(culprit))
    run.steps(200, every)
    assert isinstance(run.outcomes[POISON], Failed)
    assert run.devices[0].restarts == 3
    assert run.longest_s(of=STREAM) < OUTAGE_S + ROOM_S


@pytest.mark.parametrize("culprit", range(COMPANY))
def test_what_a_full_device_has_taken_is_delayed_by_one_deadline_too(start, culprit):
    run = start("only")
    run.arrive(poisoned(culprit))
    for number in (number for number in range(1000, 5000) if number % POISON):
        while not run.pool.room():
            run.step()
        run.arrive(batch(number, 1))
        run.step()
    assert isinstance(run.outcomes[POISON], Failed)
    assert run.longest_s(of=STREAM) < OUTAGE_S + ROOM_S


@pytest.mark.parametrize("culprit", range(COMPANY))
@pytest.mark.parametrize("every", [0, 1, 2, 10])
def test_a_window_that_shared_the_batch_is_delayed_by_two(start, every, culprit):
    run = start("only")
    run.arrive(poisoned(culprit))
    run.steps(250, every)
    innocent = set(POISONED) - {POISON}
    others_first_s = 2 * LIMITS.batch_s if every else 0.0
    assert not any(isinstance(run.outcomes[id_], Failed) for id_ in innocent)
    assert run.longest_s(of=innocent) < 2 * OUTAGE_S + ROOM_S + others_first_s
    assert isinstance(run.outcomes[POISON], Failed)


def test_a_window_for_which_nobody_waits_gets_more_time(start):
    run = start("only")
    run.arrive(batch(POISON, 1))
    run.steps(OUTAGE_S + 1.5 * LIMITS.batch_s)
    assert run.devices[0].restarts == 1
    run.arrive(batch(1, 1))
    run.steps(OUTAGE_S - LIMITS.batch_s + ROOM_S)
    assert run.devices[0].restarts == 2
    assert set(run.outcomes) == {1, POISON}


def test_nothing_waits_for_a_lost_device_beside_one_that_works(start):
    run = start("first", "second")
    run.broken.add("first")
    run.arrive(poisoned(0))
    run.step()
    run.devices[0].submit(batch(1, 1))
    run.arrived_s[1] = run.world.now_s
    run.steps(3 * LIMITS.load_s + 2 * OUTAGE_S, 10)
    assert run.took_s[1] < LIMITS.batch_s + ROOM_S
    assert run.longest_s(of=STREAM) < OUTAGE_S + ROOM_S
    assert run.longest_s(of=set(POISONED) - {POISON}) < 2 * OUTAGE_S + ROOM_S
    assert isinstance(run.outcomes[POISON], Failed)
    assert run.devices[0].state is DeviceState.QUARANTINED
