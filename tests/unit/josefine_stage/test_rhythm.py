from josefine_stage.memory import MemoryClock
from josefine_stage.rhythm import (
    BUSY_POLL_S,
    IDLE_POLL_S,
    LONGEST_BUSY_POLL_S,
    LONGEST_COMMIT_INTERVAL_S,
    LONGEST_PATIENT_POLL_S,
    PUBLISH_S,
    TURN_S,
    Rhythm,
)


def rhythm():
    clock = MemoryClock(now_s=0.0)
    return Rhythm(clock, commit_interval_s=0.04), clock


def turn(each, clock, records, *, busy=False):
    """Returns how long the turn waited for company."""
    before_s = clock.monotonic_s()
    each.gather(busy=busy)
    waited_s = clock.monotonic_s() - before_s
    each.read(records, most=100)
    return waited_s


def test_records_that_come_one_by_one_are_gathered():
    each, clock = rhythm()
    assert turn(each, clock, 1) == 0
    assert abs(turn(each, clock, 0) - TURN_S) < 1e-9
    assert turn(each, clock, 0) == 0  # nothing came: the poll itself waits


def test_neither_work_nor_a_backlog_waits():
    each, clock = rhythm()
    turn(each, clock, 1)
    assert turn(each, clock, 100, busy=True) == 0
    assert turn(each, clock, 1) == 0


def test_units_grow_where_commits_take_long():
    each, _ = rhythm()
    assert each.commit_interval_s == 0.04
    each.committed(0.03)
    assert abs(each.commit_interval_s - 0.09) < 1e-9
    each.committed(5.0)
    assert each.commit_interval_s == LONGEST_COMMIT_INTERVAL_S
    each.committed(0.001)
    assert each.commit_interval_s == 0.04


def test_work_that_brings_no_news_is_looked_at_less_and_less_often():
    each, _ = rhythm()
    waits = []
    for _ in range(8):
        waits.append(each.poll_timeout_s(busy=True, outputs_waited_s=None))
        each.turned(news=False, patient=False)
    assert waits[0] == BUSY_POLL_S
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_BUSY_POLL_S
    each.turned(news=True, patient=False)
    assert each.poll_timeout_s(busy=True, outputs_waited_s=None) == BUSY_POLL_S


def test_what_nobody_waits_for_is_looked_at_less_often_still_until_somebody_waits():
    each, _ = rhythm()
    for _ in range(12):
        each.turned(news=False, patient=True)
    assert each.poll_timeout_s(busy=True, outputs_waited_s=None) == LONGEST_PATIENT_POLL_S
    each.turned(news=False, patient=False)
    assert each.poll_timeout_s(busy=True, outputs_waited_s=None) == LONGEST_BUSY_POLL_S


def test_outputs_do_not_wait_for_a_poll():
    each, _ = rhythm()
    assert each.poll_timeout_s(busy=False, outputs_waited_s=None) == IDLE_POLL_S
    assert abs(each.poll_timeout_s(busy=False, outputs_waited_s=0.03) - 0.01) < 1e-9
    assert each.poll_timeout_s(busy=True, outputs_waited_s=0.05) == 0


def test_others_are_told_once_in_a_while():
    each, clock = rhythm()
    assert each.publish_due()
    assert not each.publish_due()
    clock.wait(PUBLISH_S)
    assert each.publish_due()
