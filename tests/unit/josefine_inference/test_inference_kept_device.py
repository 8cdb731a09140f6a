"""The last idle device of several takes no interims while another is at work on some."""

import pytest
from handler_kit import EACH_QUARTER, UTTERANCE, run

from josefine_inference.dispatch import KEPT_S

SPEAKING, SILENCE = [0.9] * 150, [0.01] * 30


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def handler(kit, device, clock):
    """Two devices, one of which has just been given an interim of a session that speaks, and does not answer."""
    device.held, device.rooms, device.idles = True, 9, 2
    made = kit.handler(device, clock=clock)
    for session in ("a", "b"):
        made.restore(f"{session}/0", None)
    run(made, kit.inputs(kit.frames(SPEAKING, EACH_QUARTER, session="a", end=False)))
    assert len(device.submitted) == 1
    device.idles = 1
    return made


def test_an_interim_waits_for_another_device_and_a_final_does_not(kit, device, handler):
    run(handler, kit.inputs(kit.frames(SPEAKING, EACH_QUARTER, session="b", end=False)))
    assert len(device.submitted) == 1
    ending = kit.inputs(kit.frames([*SPEAKING, *UTTERANCE], EACH_QUARTER, session="b"))
    run(handler, ending[len(kit.frames(SPEAKING, EACH_QUARTER, session="b", end=False)) :])
    # Finals alone are asked for word times.
    assert {work.word_times for batch in device.submitted[1:] for work in batch.work} == {True}


def test_an_interim_waits_no_longer_than_a_device_that_works_would_take(kit, device, clock, handler):
    run(handler, kit.inputs(kit.frames(SPEAKING, EACH_QUARTER, session="b", end=False)))
    clock.now_s += KEPT_S + 0.01
    run(handler, [])
    assert len(device.submitted) == 2


def test_of_two_children_the_one_that_is_kept_gets_the_final(kit, start):
    """The real pool in front of the children, whose idle devices are counted and not told."""
    devices = start("first", "second")
    first, second = devices.world.children
    made = kit.handler(devices.pool, clock=devices.world.clock)
    for session in ("a", "b"):
        made.restore(f"{session}/0", None)
        run(made, kit.inputs(kit.frames(SPEAKING, EACH_QUARTER, session=session, end=False)))
    assert (asked(first), asked(second)) == ([False], [])
    ending = kit.inputs(kit.frames(SPEAKING + SILENCE, EACH_QUARTER, session="b"))
    run(made, ending[len(kit.frames(SPEAKING, EACH_QUARTER, session="b", end=False)) :])
    assert (asked(first), asked(second)) == ([False], [True])


def asked(child):
    """Returns whether word times were asked for, of each window that the child was given: of finals they are."""
    return [work["word_times"] for command in child.told if command["type"] == "batch" for work in command["work"]]
