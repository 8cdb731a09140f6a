"""When a device gets a second child, what that does, and when it ends; what it is for: test_inference_poison.py."""

from dataclasses import replace

from device_kit import POISON, batch
from poison_kit import INNOCENT, LIMITS, LOAD_S, OUTAGE_S, ROOM_S, STREAM, poisoned

from josefine_inference.deadlines import TIMES_P99
from josefine_inference.device import IN_FLIGHT_BATCHES
from josefine_inference.device_options import DeviceOptions
from josefine_inference.messages import Decoded, Failed
from josefine_inference.port import DeviceState
from josefine_inference.process import ChildOptions
from josefine_inference.spare import STAYS_S


def test_a_spare_child_starts_when_its_device_works_again(start):
    run = start("only")
    run.arrive(poisoned(0))
    run.steps(OUTAGE_S - LIMITS.term_s - 1)
    assert len(run.world.living("only")) == 1
    run.steps(LIMITS.term_s + 2)
    assert len(run.world.living("only")) == 2


def test_what_is_submitted_while_a_window_hangs_waits_in_the_queue_and_not_in_the_spare_child(start):
    run = start("only")
    run.arrive(poisoned(0))
    run.steps(OUTAGE_S + LOAD_S + 1)
    hung, spare = run.world.living("only")
    assert hung.hung
    spare.hung = True
    for number in (number for number in STREAM if number % POISON):
        if not run.pool.room():
            break
        run.pool.submit(batch(number, 1))
        run.pool.poll()
    assert sum(not tried.suspect for tried in run.pool.children()[1].unfinished()) == IN_FLIGHT_BATCHES
    assert run.pool.ahead_hops() > 0


def test_devices_that_work_need_no_spare_child(start):
    run = start("first", "second", "third")
    run.arrive(poisoned(0))
    run.steps(100, 3)
    assert isinstance(run.outcomes[POISON], Failed)
    assert run.longest_s(of=INNOCENT) < LIMITS.batch_s + ROOM_S
    assert len(run.world.children) == len(run.devices) + sum(device.restarts for device in run.devices)


def test_a_spare_child_ends_when_nothing_more_hangs(start):
    run = start("only")
    run.arrive(poisoned(0))
    run.steps(100, 10)
    assert isinstance(run.outcomes[POISON], Failed)
    assert len(run.world.living("only")) == 2
    run.steps(STAYS_S + 1, 10)
    assert len(run.world.living("only")) == 1
    assert all(child.alive or child.released for child in run.world.children)
    assert len(run.world.children) == 2 + run.devices[0].restarts


def test_a_device_that_lacks_the_memory_of_its_spare_child_gets_it(start):
    run = start("only")
    run.arrive(poisoned(0))
    run.steps(OUTAGE_S + LOAD_S + 1)
    assert len(run.world.living("only")) == 2
    run.most_children = 1
    run.world.living("only")[0].alive = False
    run.steps(LIMITS.batch_s + 3 * LOAD_S)
    assert run.devices[0].state is DeviceState.WORKING
    assert len(run.world.living("only")) == 1


def test_a_spare_child_that_does_not_fit_is_not_tried_again_at_once(start):
    run = start("only")
    run.most_children = 1
    run.arrive(poisoned(0))
    run.steps(DeviceOptions(ChildOptions("only"), "tiny.en").rest_s)
    assert len(run.world.children) <= 3 + run.devices[0].restarts


def test_a_window_that_does_not_fit_beside_the_other_child_gets_the_memory_of_both(start):
    run = start("only")
    run.arrive(poisoned(0))
    run.steps(OUTAGE_S + LOAD_S + ROOM_S)
    _, spare = run.world.living("only")
    run.arrive(batch(1, 1))
    while not spare.told:
        run.step()
    spare.lacks_memory()
    run.step()
    unfinished = [tried for child in run.pool.children() for tried in child.unfinished()]
    assert [tried.deaths for tried in unfinished if tried.batch.work[0].id == 1] == [0]
    run.steps(3 * LOAD_S)
    assert isinstance(run.outcomes[1], Decoded)
    assert len(run.world.living("only")) == 1


def test_a_model_that_does_not_fit_into_the_spare_child_too_is_decoded_by_the_device(start):
    run = start("only")
    run.arrive(replace(poisoned(0), model="large"))
    run.steps(OUTAGE_S + 1)
    run.most_children = 1
    run.steps(150)
    assert all(isinstance(run.outcomes[id_], Decoded) for id_ in INNOCENT)
    assert run.outcomes[POISON].code == "device_poison"


def test_a_spare_child_gets_the_time_that_its_device_was_measured_to_need(start):
    run = start("only")
    run.world.answer_s = 3.0
    run.steps(2, 1)
    run.arrive(poisoned(0))
    while run.devices[0].restarts < 2:
        run.step()
    run.steps(TIMES_P99 * run.world.answer_s + LIMITS.term_s)
    assert run.devices[0].restarts == 2


def test_a_device_goes_on_without_a_spare_child_that_cannot_be_started(start, monkeypatch):
    run = start("only")

    def refused(_options):
        if run.world.living("only"):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return child(_options)

    child = run.world.child
    monkeypatch.setattr("josefine_inference.conversation.ChildProcess", refused)
    run.arrive(poisoned(0))
    run.steps(150, 10)
    assert all(isinstance(run.outcomes[id_], Decoded) for id_ in INNOCENT)
    assert isinstance(run.outcomes[POISON], Failed)


def test_a_spare_child_works_for_a_device_that_is_lost(start):
    run = start("only")
    run.arrive(poisoned(0))
    run.steps(100, 10)
    run.broken.add("only")
    run.world.living("only")[0].alive = False
    run.steps(STAYS_S + 10, 10)
    assert run.devices[0].state is DeviceState.STARTING
    assert run.longest_s(of=STREAM) < OUTAGE_S + ROOM_S
    assert run.pool.ready()


def test_a_device_that_stands_beside_one_in_quarantine_gets_a_spare_child(start):
    run = start("first", "second")
    run.broken.add("first")
    run.world.living("first")[0].alive = False
    run.steps(3 * LIMITS.load_s + 10)
    assert run.devices[0].state is DeviceState.QUARANTINED
    before = len(run.world.children)
    run.arrive(poisoned(0))
    run.steps(30, 10)
    assert len(run.world.living("second")) == 2
    assert len(run.world.children) == before + 2
    assert run.longest_s(of=INNOCENT) < OUTAGE_S + LOAD_S + ROOM_S
