"""What a stage has done becomes durable once, and nothing else does."""

import threading
from typing import Any

import pytest
from stage_kit import World

from josefine_stage.errors import ExhaustedError, FencedError
from josefine_stage.handler import Step, Turn


def test_outputs_and_positions_appear() -> None:
    world = World()
    for sequence in range(20):
        world.publish("a", sequence)
    world.turn(10)
    assert world.totals("a") == [(n, n + 1) for n in range(20)]
    world.turn(120)
    assert [position.offset for position in world.log.positions.values()] == [20]


def test_a_late_record_holds_back_the_offset_but_not_the_others_outputs() -> None:
    world = World()
    world.publish("slow", 0, bytes([120]))
    for sequence in range(5):
        world.publish("quick", sequence)
    world.turn(5)
    assert len(world.totals("quick")) == 5
    assert world.totals("slow") == []
    assert next(iter(world.log.positions.values())).offset == 0
    world.crash()
    world.turn(40)
    assert world.totals("slow") == [(0, 120)]
    assert len(world.totals("quick")) == 5, "what was durable beyond the offset is not written again"


def test_an_aborted_unit_is_replayed() -> None:
    world = World()
    world.publish("a", 0)
    world.publish("a", 1)
    world.unit.abort_next = True
    world.turn(1)
    assert world.totals("a") == []
    world.turn(5)
    assert world.totals("a") == [(0, 1), (1, 2)]


def test_a_fenced_replica_leaves() -> None:
    world = World()
    world.publish("a", 0)
    world.unit.fenced = True
    with pytest.raises(FencedError):
        world.turn(2)
    assert world.totals("a") == []


def test_a_handler_that_cannot_work_any_more_leaves_the_group_with_what_is_done() -> None:
    world = World()
    world.publish("a", 0)
    world.publish("slow", 0, bytes([250]))
    world.turn(3)

    def advance(_: Turn) -> Step[Any]:
        raise ExhaustedError("no device is left")

    world.handler.advance = advance  # type: ignore[method-assign]
    with pytest.raises(ExhaustedError):
        world.runtime.run(threading.Event())
    assert world.reader.held() == []
    world.crash()
    world.turn(300)
    assert world.totals("a") == [(0, 1)]
    assert world.totals("slow") == [(0, 250)]


def test_an_ended_session_is_dropped_from_memory() -> None:
    world = World()
    world.publish("a", 0, end=True)
    world.turn(30)
    world.publish("b", 0)
    world.turn(5)
    assert "a" not in world.runtime._sessions


def test_a_session_whose_end_takes_longer_than_a_snapshot_is_dropped_from_memory() -> None:
    world = World()
    world.publish("a", 0)
    world.publish("a", 1, bytes([200]), end=True)  # takes 100 turns
    world.turn(300)
    assert "a" not in world.runtime._sessions
    world.publish("b", 0)
    world.turn(120)
    assert [position.offset for position in world.log.positions.values()] == [3]
    world.crash()
    assert world.runtime._books.partitions[next(iter(world.log.positions))].replay_from == 3


def test_an_ended_session_that_a_restart_reads_again_for_anothers_sake_is_dropped_from_memory() -> None:
    world = World()
    world.publish("open", 0, b"idle")  # has no snapshot for 60 turns
    world.publish("a", 0, end=True)
    world.turn(20)
    world.crash()
    world.turn()
    assert "a" in world.runtime._sessions
    for number in range(3):
        world.publish("b", number)
        world.turn(15)
    assert "open" in world.runtime._sessions
    assert "a" not in world.runtime._sessions


def test_a_session_that_ends_by_itself_is_dropped_and_ends_once() -> None:
    world = World()
    world.publish("a", 0)
    world.turn(30)
    world.publish("a", 1, b"idle")
    world.turn(400)
    assert "a" not in world.runtime._sessions
    world.crash()
    world.turn(400)
    assert [total for _, total in world.totals("a")].count(-1) == 1


def test_a_late_record_of_an_ended_session_is_done_before_the_session_is_forgotten() -> None:
    world = World()
    world.publish("a", 0, end=True)
    world.publish("b", 0)
    world.turn(20)
    world.publish("a", 1, bytes([140]))  # takes 40 turns, while the end becomes durable
    world.turn(200)
    assert next(iter(world.log.positions.values())).offset == 3
