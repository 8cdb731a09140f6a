"""How a child is ended: a process that dies when it likes, and a clock."""

from hypothesis import given
from hypothesis import strategies as st

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.ending import Ending

LIMITS = DeadlineLimits(term_s=2.0, kill_s=10.0)


class ScriptedProcess:
    """Remembers what was done to it, and is gone when told."""

    pid = 7

    def __init__(self, clock):
        self.done = []
        self.clock = clock
        self.gone = False

    def _did(self, what):
        self.done.append((what, self.clock[0]))

    def fence(self):
        self._did("fence")

    def terminate(self):
        self._did("terminate")

    def kill(self):
        self._did("kill")

    def release(self):
        self._did("release")

    def reaped(self):
        return self.gone


def test_a_hung_child_is_fenced_asked_and_killed():
    clock = [0.0]
    process = ScriptedProcess(clock)
    ending = Ending(process, LIMITS, 0.0, hung=True)
    for clock[0] in (1.0, 1.9, 2.0, 5.0, 12.0):
        assert not ending.over(clock[0])
        assert not ending.stuck
    assert process.done == [("fence", 0.0), ("terminate", 0.0), ("kill", 2.0)]
    assert not ending.over(12.1)
    assert ending.stuck
    process.gone = True
    clock[0] = 14.0
    assert ending.over(14.0)
    assert process.done[-1] == ("release", 14.0)


def test_a_child_that_ended_by_itself_is_not_asked():
    process = ScriptedProcess([0.0])
    Ending(process, LIMITS, 0.0, hung=False)
    assert [what for what, _ in process.done] == ["fence", "kill"]


@given(
    st.booleans(),
    st.lists(st.floats(0.01, 5.0), max_size=60),
    st.none() | st.integers(0, 60),
    st.floats(0.0, 3.0),
    st.floats(0.1, 12.0),
)
def test_whenever_it_is_looked_at(hung, steps, gone_at, term_s, kill_s):
    clock = [0.0]
    process = ScriptedProcess(clock)
    ending = Ending(process, DeadlineLimits(term_s=term_s, kill_s=kill_s), 0.0, hung=hung)
    over = False
    for number, step in enumerate(steps):
        clock[0] += step
        process.gone = gone_at is not None and number >= gone_at
        over = ending.over(clock[0])
        if over:
            break
    done = [what for what, _ in process.done]
    times = dict(process.done)
    expected = ["fence", *(["terminate"] if hung else []), *(["kill"] if "kill" in done else [])]
    assert done == expected + (["release"] if over else [])  # each once, in this order
    assert not over or process.gone
    assert "kill" not in times or times["kill"] >= (term_s if hung else 0.0)
    assert not ending.stuck or clock[0] - times["kill"] > kill_s
    if hung and not over and clock[0] >= term_s and steps:
        assert "kill" in times
