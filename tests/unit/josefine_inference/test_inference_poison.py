"""What a window that hangs its child costs the others, by a clock that the test turns: no more than is promised."""

import pytest
from device_kit import POISON, batch, window
from poison_kit import COMPANY, INNOCENT, LIMITS, LOAD_S, OUTAGE_S, ROOM_S, STREAM, poisoned

from josefine_inference.messages import Batch, Failed
from josefine_inference.port import DeviceState


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
def test_a_window_that_shared_the_batch_is_delayed_by_one_deadline_too(start, every, culprit):
    run = start("only")
    run.arrive(poisoned(culprit))
    run.steps(250, every)
    assert not any(isinstance(run.outcomes[id_], Failed) for id_ in INNOCENT)
    assert run.longest_s(of=INNOCENT) < OUTAGE_S + LOAD_S + ROOM_S
    assert isinstance(run.outcomes[POISON], Failed)
    assert run.devices[0].restarts == 3


@pytest.mark.parametrize("culprit", range(COMPANY))
@pytest.mark.parametrize("every", [0, 1, 2, 10])
@pytest.mark.parametrize("allowed", [False, True])
def test_without_a_spare_child_it_is_delayed_by_two(start, every, culprit, allowed):
    run = start("only", spare=allowed)
    run.most_children = 1
    run.arrive(poisoned(culprit))
    run.steps(400, every)
    others_first_s = 2 * LIMITS.batch_s if every else 0.0
    assert not any(isinstance(run.outcomes[id_], Failed) for id_ in INNOCENT)
    assert run.longest_s(of=INNOCENT) < 2 * OUTAGE_S + ROOM_S + others_first_s
    assert isinstance(run.outcomes[POISON], Failed)
    assert run.devices[0].state is DeviceState.WORKING


@pytest.mark.parametrize("culprit", range(COMPANY))
@pytest.mark.parametrize("every", [0, 1, 10])
def test_who_shared_a_batch_waits_for_no_other_window_that_hangs(start, every, culprit):
    run = start("only")
    run.arrive(poisoned(culprit))
    # As the final of a segment whose interim it was, in the company of others.
    final = window(2 * POISON, session=str(POISON))
    others = {2 * POISON - 1, 2 * POISON + 1}
    run.arrive(Batch("tiny.en", "en", (*batch(2 * POISON - 1, 1).work, final, *batch(2 * POISON + 1, 1).work)))
    run.steps(400, every)
    assert run.longest_s(of=INNOCENT | others) < OUTAGE_S + LOAD_S + ROOM_S
    assert {id_ for id_, one in run.outcomes.items() if isinstance(one, Failed)} == {POISON, 2 * POISON}


@pytest.mark.parametrize("spare", [True, False])
def test_sessions_that_shared_the_batch_and_speak_on_are_innocent_when_their_window_is_decoded(start, spare):
    run = start("only", spare=spare)
    sessions = [str(number) for number in range(20)]
    shared = [window(number, session) for number, session in enumerate(sessions, 1)]  # 7 and 14 hang
    run.arrive(Batch("tiny.en", "en", tuple(shared)))
    spoken = (number for number in STREAM if number % POISON)
    later, held_back = {}, []
    for _ in range(150):
        for session in sessions:
            number = next(spoken)
            later[number] = session
            run.arrive(Batch("tiny.en", "en", (window(number, session),)))
        run.steps(3)
        held_back.append(run.pool.held_back())
    assert {id_ for id_, one in run.outcomes.items() if isinstance(one, Failed)} == {7, 14}
    assert set(sessions) in held_back
    assert {sessions[6], sessions[13]} in held_back
    assert not held_back[-1]
    run.steps(10)
    assert set(later) <= set(run.outcomes)
    if spare:
        guilty = {sessions[6], sessions[13]}
        innocent = {id_ for id_, session in later.items() if session not in guilty}
        assert run.longest_s(of=innocent) < 2 * (OUTAGE_S + LOAD_S) + ROOM_S  # two sessions hang their children


@pytest.mark.parametrize("culprit", range(COMPANY))
def test_the_second_try_of_a_window_that_hangs_delays_nobody_at_all(start, culprit):
    run = start("only")
    run.arrive(poisoned(culprit))
    run.steps(OUTAGE_S + LOAD_S + ROOM_S)
    late = range(2001, 100_000)
    for number in (number for number in late if number % POISON):
        if isinstance(run.outcomes.get(POISON), Failed):
            break
        run.arrive(batch(number, 1))
        run.steps(0.5)
    assert run.longest_s(of=late) < ROOM_S


def test_the_next_window_of_a_session_that_hangs_a_child_does_not_hang_the_other(start):
    run = start("only")
    run.arrive(poisoned(0))
    run.steps(OUTAGE_S + LOAD_S + ROOM_S)
    run.arrive(Batch("tiny.en", "en", (window(2 * POISON, session=str(POISON)),)))
    late = range(2001, 100_000)
    for number in (number for number in late if number % POISON):
        if isinstance(run.outcomes.get(2 * POISON), Failed):
            break
        run.arrive(batch(number, 1))
        run.steps(0.5)
    assert run.longest_s(of=late) < LOAD_S + ROOM_S  # of the first one's last child, never a deadline


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
    assert run.longest_s(of=INNOCENT) < 2 * OUTAGE_S + ROOM_S
    assert isinstance(run.outcomes[POISON], Failed)
    assert run.devices[0].state is DeviceState.QUARANTINED
