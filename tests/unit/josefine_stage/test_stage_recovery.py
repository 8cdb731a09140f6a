"""What a replica reads again after a crash, and what a store that is down or forgets costs."""

from typing import Any

import pytest
from stage_kit import World

from josefine_stage.position import unpack


def test_a_session_whose_snapshot_was_lost_is_replayed_from_its_first_record() -> None:
    world = World()
    for sequence in range(30):
        world.publish("a", sequence)
    world.turn(250)
    assert next(iter(world.log.positions.values())).metadata.startswith("1;0;"), "a snapshot is at the commit"
    world.store.flush_all()
    world.crash()
    world.publish("a", 30)
    world.turn(20)
    assert world.totals("a")[-1] == (30, 31)
    assert len(world.totals("a")) == 31


def position(world: World) -> Any:
    (found,) = world.log.positions.values()
    return unpack(found.offset, found.metadata)


def test_a_restart_under_load_replays_what_open_sessions_need_and_no_more() -> None:
    world = World()
    for number in range(200):
        for sequence in range(3):
            world.publish(f"s{number}", sequence, end=sequence == 2)
        world.turn()
        world.clock.now_s += 0.05
    offset = next(iter(world.log.positions.values())).offset
    assert position(world).replay_from > offset - 150


def test_new_sessions_begin_while_the_store_is_down() -> None:
    world = World()
    world.publish("a", 0)
    world.turn(5)
    world.store.unreachable = True
    world.publish("a", 1)
    world.publish("b", 0)
    world.turn(5)
    assert world.totals("a") == [(0, 1), (1, 2)]
    assert world.totals("b") == [(0, 1)]


def test_a_session_that_must_be_restored_waits_for_the_store_while_polling_goes_on() -> None:
    world = World()
    for sequence in range(5):
        world.publish("a", sequence)
    world.turn(150)
    world.crash()
    world.store.unreachable = True
    world.publish("a", 5)
    world.turn(200)
    assert len(world.totals("a")) == 5
    world.store.unreachable = False
    world.turn(20)
    assert world.totals("a") == [(n, n + 1) for n in range(6)]


@pytest.mark.parametrize("lost", [1, 2, 100])
def test_a_store_that_lost_the_last_versions_costs_a_replay_only(lost: int) -> None:
    world = World()
    for sequence in range(60):
        world.publish("a", sequence)
        world.publish("b", sequence)
        world.turn(3)
    world.turn(150)
    for _ in range(lost):
        world.store.lose("a")
    world.crash()
    world.publish("a", 60)
    world.publish("b", 60)
    world.turn(50)
    assert world.totals("a") == world.totals("b") == [(n, n + 1) for n in range(61)]


def test_a_session_without_a_beginning_takes_the_partition_back_once() -> None:
    world = World()
    for sequence in range(30):
        world.publish("a", sequence)
    world.turn(150)
    world.crash()
    for number in range(5):
        world.publish(f"stray{number}", 3)
        world.turn(20)
    assert world.metric("josefine_stage_rewinds_total", reason="session_state_missing") <= 1


def test_an_abort_while_going_back_blames_nobody() -> None:
    world = World(partitions=2)
    for sequence in range(30):
        world.publish("a", sequence)
    world.turn(150)
    world.store.flush_all()
    world.crash()
    world.publish("a", 30)
    world.publish("b", 0, partition=1)
    world.unit.abort_next = True
    world.turn(60)
    assert world.dead() == []
    assert world.totals("a") == [(n, n + 1) for n in range(31)]
    assert world.totals("b") == [(0, 1)]
