"""Children that do what a test says, as ChildProcess shows them to the parent, and a kernel that ends or holds them."""

from collections import deque
from types import SimpleNamespace

import numpy as np

from josefine_inference.hypothesis import Hypothesis
from josefine_inference.messages import Batch, Work, pack_hypotheses
from josefine_inference.process import ChildGoneError

HEARD = Hypothesis("so", (), -0.5, 0.1, 1.0, 1)
POISON = 7
"""Windows whose number this divides kill whoever decodes them."""


class World:
    """The children of all devices, and the kernel that ends them or holds them."""

    def __init__(self):
        self.now_s = 0.0
        self.held = set()
        self.lacking = set()
        """Devices for whose children there is no process."""
        self.children = []
        self.hangs = False
        """Whether a poisonous window hangs, deaf to SIGTERM, rather than kills."""
        self.whole_windows = False
        """Whether a window costs a child the same however short it is."""
        self.answer_s = 0.1
        """What a child says that a command took."""

    def clock(self):
        return self.now_s

    def child(self, options):
        if options.device in self.lacking:
            raise BlockingIOError("no process can be had")
        child = ScriptedChild(self, options.device, len(self.children))
        self.children.append(child)
        return child

    def let_go(self, device):
        self.lacking.discard(device)
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
        self.born_s = world.now_s
        self.fenced = self.doomed = self.released = self.hung = False

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
        if not self.hung:
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
        """Does the oldest command; dies of a poisonous window, or hangs."""
        if not (self.told and self.alive) or self.hung:
            return
        command = self.told.popleft()
        match command["type"]:
            case "load":
                self.say(type="loaded", whole_windows=self.world.whole_windows)
            case "probe":
                self.say(type="probed")
            case "batch" if any(number % POISON == 0 for number in numbers(command)):
                self.hung, self.alive = self.world.hangs, self.world.hangs
            case "batch":
                self.say(type="decoded", hypotheses=pack_hypotheses([HEARD] * len(command["work"])))

    def refuses(self, number):
        """Answers its oldest batch: a window of that number is no request, and none of its batch is decoded."""
        command = self.told.popleft()
        if number in numbers(command):
            self.say(type="refused", reason="80 mel bands, not 128")
        else:
            self.say(type="decoded", hypotheses=pack_hypotheses([HEARD] * len(command["work"])))

    def lacks_memory(self):
        while self.alive and self.told and self.told[0]["type"] == "batch":
            self.told.popleft()
            self.say(type="out_of_memory", reason="too large")

    def lacks_memory_to_load(self):
        self.told.popleft()
        self.say(type="load_failed", reason="out of memory")

    def say(self, **message):
        self.said.append({"seconds": self.world.answer_s, **message})


def numbers(command):
    """Returns the numbers of a command's windows, which stand in for their prefixes."""
    return [int(work["prefix"][0]) for work in command["work"]]


def batch(first, count):
    return Batch("tiny.en", "en", tuple(window(first + index) for index in range(count)))


def window(number, session=None):
    """Returns a window, of a session of its own unless it is told whose it is."""
    session = str(number) if session is None else session
    return Work(number, np.zeros((3, 2), np.float16), prefix=(str(number),), session=session)
