"""A replica joins its group when it can work, or when nobody else does."""

import threading

import pytest
from running_totals import RunningTotals

from josefine_stage.errors import BrokerError, ExhaustedError
from josefine_stage.health import Health
from josefine_stage.joining import await_ready
from josefine_stage.memory import MemoryClock


class Loading(RunningTotals):
    """Is ready after some turns."""

    def __init__(self, turns, at_turn=lambda: None):
        super().__init__()
        self.turns, self._at_turn = turns, at_turn

    def advance(self, turn):
        self._at_turn()
        self.turns -= 1
        return super().advance(turn)

    def ready(self):
        return self.turns <= 0


class Group:
    """Others who work, or not; counts how often its clients were served."""

    def __init__(self, others_work):
        self.others_work = others_work
        self.served = 0

    def serve(self):
        self.served += 1


@pytest.fixture
def clock():
    return MemoryClock()


@pytest.fixture
def health(clock):
    return Health(clock)


def test_with_others_it_waits_until_it_can_work_and_says_so(clock, health):
    said = []
    handler, group = Loading(3, lambda: said.append(health.not_ready())), Group(lambda: True)
    await_ready(handler, group, health, clock, threading.Event())
    assert (handler.turns, group.served) == (0, 3)
    assert said == ["starting", "the handler is not ready", "the handler is not ready"]


def test_without_others_it_joins_at_once(clock, health):
    handler = Loading(100)
    await_ready(handler, Group(lambda: False), health, clock, threading.Event())
    assert handler.turns == 100


def test_one_that_is_ready_asks_nobody(clock, health):
    def asked():
        pytest.fail("it asked")

    await_ready(Loading(0), Group(asked), health, clock, threading.Event())


def test_a_broker_that_does_not_say_is_one_without_others(clock, health):
    def refuses():
        raise BrokerError("unsupported version")

    handler = Loading(100)
    await_ready(handler, Group(refuses), health, clock, threading.Event())
    assert handler.turns == 100


def test_whoever_is_stopped_waits_no_longer(clock, health):
    stop = threading.Event()
    handler = Loading(100, lambda: handler.turns > 50 or stop.set())
    await_ready(handler, Group(lambda: True), health, clock, stop)
    assert handler.turns == 49


def test_one_that_will_never_be_ready_does_not_join(clock, health):
    def no_device():
        raise ExhaustedError("no device is left")

    with pytest.raises(ExhaustedError):
        await_ready(Loading(100, no_device), Group(lambda: True), health, clock, threading.Event())
