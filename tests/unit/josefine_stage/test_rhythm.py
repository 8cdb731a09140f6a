from josefine_stage.memory import MemoryClock
from josefine_stage.rhythm import LONGEST_COMMIT_INTERVAL_S, PUBLISH_S, TURN_S, Rhythm


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


def test_others_are_told_once_in_a_while():
    each, clock = rhythm()
    assert each.publish_due()
    assert not each.publish_due()
    clock.wait(PUBLISH_S)
    assert each.publish_due()
