"""Devices whose children hang over poisonous windows, a queue before them, and a clock that the test turns."""

from collections import deque
from dataclasses import replace

from device_kit import POISON, batch, numbers

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.device import Device
from josefine_inference.device_options import DeviceOptions
from josefine_inference.messages import Batch
from josefine_inference.pool import DevicePool
from josefine_inference.process import ChildOptions

LIMITS = DeadlineLimits(batch_s=10.0, load_s=120.0, term_s=2.0)
STEP_S, LOAD_S = 0.1, 5.0
"""What a child takes for a batch, and to load its model."""
ROOM_S = 3.0
"""To look, to start a child, and to decode what queued up; a batch's deadline is a bit more than the least as well."""
OUTAGE_S = LIMITS.batch_s + LIMITS.term_s + LOAD_S
COMPANY = 5
POISONED = range(POISON - 2, POISON - 2 + COMPANY)
INNOCENT = set(POISONED) - {POISON}
STREAM = range(1000, 100_000)


class Run:
    """Devices, a queue before them as the scheduler is, and how long each window was on its way."""

    def __init__(self, world, names, *, spare=True):
        self.world, self.queue = world, deque()
        devices = [Device(DeviceOptions(ChildOptions(name), "tiny.en", LIMITS), world.clock) for name in names]
        self.devices, self.pool = devices, DevicePool(devices, world.clock, spare=spare)
        self.broken = set()
        """Devices whose children load for ever."""
        self.most_children = 2
        """Of one device, for which its memory suffices."""
        self.arrived_s, self.outcomes, self.took_s = {}, {}, {}
        self._stream = (number for number in STREAM if number % POISON)

    def arrive(self, made):
        self.queue.append(made)
        self.arrived_s.update((work.id, self.world.now_s) for work in made.work)

    def step(self, every=0):
        """A tenth of a second; `every` so many of them somebody speaks, 0: nobody."""
        self.world.now_s += STEP_S
        for child in self.world.children:
            loading = child.alive and child.told and child.told[0]["type"] == "load"
            if loading and len(self.world.living(child.device)) > self.most_children:
                child.lacks_memory_to_load()
            elif not loading or (self.world.now_s - child.born_s > LOAD_S and child.device not in self.broken):
                child.work(numbers)
        if every and round(self.world.now_s / STEP_S) % every == 0:
            self.arrive(batch(next(self._stream), 1))
        for one in self.pool.poll():
            assert one.id not in self.outcomes
            self.outcomes[one.id] = one
            self.took_s[one.id] = self.world.now_s - self.arrived_s[one.id]
        while self.pool.room() and (made := self._next_batch()):
            self.pool.submit(made)

    def steps(self, seconds, every=0):
        for _ in range(round(seconds / STEP_S)):
            self.step(every)

    def _next_batch(self):
        """Returns the first batch that is not held back and, if it is a single window, the single ones behind it: as a
        scheduler.
        """
        held = self.pool.held_back()
        free = [made for made in self.queue if not any(work.session in held for work in made.work)]
        if not free:
            return None
        taken = free[:1]
        for made in free[1:COMPANY]:
            if len(taken[0].work) > 1 or len(made.work) > 1:
                break
            taken.append(made)
        self.queue = deque(made for made in self.queue if not any(made is one for one in taken))
        return replace(taken[0], work=tuple(work for made in taken for work in made.work))

    def longest_s(self, *, of):
        return max(seconds for id_, seconds in self.took_s.items() if id_ in of)


def poisoned(first):
    """Returns a batch whose `first`-th window is the poisonous one."""
    order = [number for number in POISONED if number != POISON]
    order.insert(first, POISON)
    return Batch("tiny.en", "en", tuple(batch(number, 1).work[0] for number in order))
