"""What a replica reads again after a crash, and what a store that is down or forgets costs."""

import threading
from typing import Any

import pytest
from stage_kit import World

from josefine_stage import position as positions
from josefine_stage.handler import Source, Step, Turn
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


@pytest.mark.parametrize("revoked", [False, True])
def test_what_waits_for_its_place_in_a_commit_is_in_no_snapshot(
    monkeypatch: pytest.MonkeyPatch, *, revoked: bool
) -> None:
    monkeypatch.setattr(positions, "MAX_DONE", 3)
    world = World(snapshot_interval_s=1e9 if revoked else 0.05)
    world.publish("long", 0)
    world.publish("long", 1)
    world.turn(20)
    world.publish("slow", 0, bytes([160]))  # takes 60 turns
    for sequence in range(3):
        world.publish("quick", sequence)
    world.publish("long", 2)
    world.turn(20)
    assert len(world.totals("quick")) == 3
    assert world.totals("long") == [(0, 1), (1, 2)], "more than can be named in a commit"
    if revoked:
        world.reader.revoke([0])
    world.crash()
    world.turn(200)
    assert world.totals("long") == [(0, 1), (1, 2), (2, 3)]
    assert world.totals("slow") == [(0, 160)]


@pytest.mark.parametrize("first", ["revoked", "aborted while it drains", "nothing is read for a while"])
def test_a_silent_session_is_remembered_however_often_its_stage_restarts(first: str) -> None:
    world = World()
    world.publish("silent", 0, b"idle")  # ends 60 turns later, and has no snapshot meanwhile
    world.publish("known", 0)
    for sequence in range(20):
        world.publish("a", sequence)
    world.turn(20)
    world.crash()
    match first:
        case "revoked":
            world.reader.revoke([0])
        case "aborted while it drains":
            world.publish("b", 0)
            world.turn(2)
            world.unit.abort_next = True
            stop = threading.Event()
            stop.set()
            world.runtime.run(stop)
        case "nothing is read for a while":
            world.reader.cut_off = True
            world.turn(200)
    world.crash()
    world.turn(400)
    assert [total for _, total in world.totals("silent")].count(-1) == 1


def test_a_session_that_waits_for_the_store_holds_back_no_other() -> None:
    world = World(partitions=2)
    for sequence in range(3):
        world.publish("gone", sequence, end=sequence == 2)
        world.publish("runs", sequence)
        world.publish("beside", sequence, partition=1)
    world.turn(200)
    assert "gone" not in world.runtime._sessions
    world.store.unreachable = True
    world.publish("gone", 3)
    world.publish("gone", 0)  # even with its first record again
    for sequence in range(3, 6):
        world.publish("runs", sequence)
        world.publish("beside", sequence, partition=1)
        world.publish("new", sequence - 3)
        world.turn(40)
    assert world.totals("runs") == world.totals("beside") == [(n, n + 1) for n in range(6)]
    assert world.totals("new") == [(n, n + 1) for n in range(3)]
    world.store.unreachable = False
    world.turn(200)
    assert [position.offset for position in world.log.positions.values()] == [14, 6]


def test_a_silent_session_that_waits_for_the_store_is_remembered() -> None:
    world = World()
    world.publish("silent", 0)
    world.turn(20)
    world.publish("silent", 1, b"idle")  # what a restart reads first
    for number in range(1, 5):
        world.publish(f"b{number}", 0)
    world.turn(20)
    world.crash()
    world.store.unreachable = True
    world.publish("b5", 0)
    world.turn(200)
    assert world.totals("b5") == [(0, 1)]
    world.store.unreachable = False
    world.crash()
    world.turn(400)
    assert [total for _, total in world.totals("silent")].count(-1) == 1


def test_a_silence_does_not_end_a_session_before_its_results_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "MAX_DONE", 3)
    world = World()
    caught_up = []
    advance = world.handler.advance

    def observed(turn: Turn) -> Step[Any]:
        caught_up.append(bool(turn.caught_up))
        return advance(turn)

    world.handler.advance = observed  # type: ignore[method-assign]
    world.publish("slow", 0, bytes([160]))  # takes 60 turns
    for sequence in range(5):
        world.publish("quick", sequence)
    world.turn(30)
    assert len(world.totals("quick")) == 3
    assert not caught_up[-1]
    world.turn(60)
    assert len(world.totals("quick")) == 5
    assert caught_up[-1]


def test_what_piles_up_behind_a_session_that_waits_for_the_store_stops_the_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(positions, "MAX_DONE", 3)
    world = World()
    for sequence in range(2):
        world.publish("gone", sequence, end=sequence == 1)
        world.publish("runs", sequence)
    world.turn(200)
    assert "gone" not in world.runtime._sessions
    world.store.unreachable = True
    world.publish("gone", 2)
    for sequence in range(2, 100):
        world.publish("runs", sequence)
        world.turn(3)
    assert len(world.runtime._books) < 40
    world.store.unreachable = False
    world.turn(300)
    assert world.totals("runs") == [(n, n + 1) for n in range(100)]


def test_a_snapshot_of_another_version_is_as_good_as_none() -> None:
    world = World()
    for sequence in range(30):
        world.publish("a", sequence)
    world.turn(250)
    world.crash()
    world.handler.reads_snapshots = False
    world.publish("a", 30)
    world.turn(20)
    assert world.totals("a") == [(n, n + 1) for n in range(31)]


def test_while_it_drains_a_rebalance_gives_nothing_to_read_and_no_session_counts_as_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.publish("a", 0, bytes([200]))  # takes a hundred turns
    world.publish("b", 0, partition=1)
    world.turn(3)
    read: list[int] = []
    caught_up: list[set[Source]] = []
    poll = world.reader.poll

    def rebalanced_poll(most: int, timeout_s: float) -> Any:
        records = poll(most, timeout_s)
        read.append(len(records))
        caught_up.append(world.handler.caught_up)
        if len(read) == 3:
            world.reader.assign([1])
        return records

    monkeypatch.setattr(world.reader, "poll", rebalanced_poll)
    stop = threading.Event()
    stop.set()
    world.runtime.run(stop)
    assert len(read) > 50
    assert not any(read)
    assert not any(caught_up[1:])  # the first was told before
    assert world.totals("a") == [(0, 200)]
    world.crash()
    world.reader.assign([1])
    world.turn(3)
    assert world.totals("b") == [(0, 1)]


def test_a_replica_with_nothing_to_do_takes_what_its_client_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    served: list[float] = []
    monkeypatch.setattr(world.unit, "serve", lambda: served.append(world.clock.now_s))
    while world.clock.now_s < world.began_ms / 1000 + 10:
        world.turn()
    assert len(served) >= 15


def test_of_an_ended_session_the_end_alone_stays_in_the_store_and_nothing_in_the_process() -> None:
    world = World()
    for sequence in range(6):
        world.publish("a", sequence, end=sequence == 5)
        world.turn(20)
    world.turn(250)
    (stored,) = world.store.stored("a")
    assert stored.over
    assert world.metric("josefine_stage_sessions") == 0
    assert not world.handler.open_sessions


def test_the_state_before_an_end_stays_while_a_restart_would_need_it() -> None:
    world = World()
    for sequence in range(5):
        world.publish("a", sequence)
        world.turn(20)
    world.turn(60)
    world.publish("b", 0, b"\xe3")  # its result comes long after, so nothing behind it is committed
    world.publish("a", 5, end=True)
    world.turn(60)
    assert [snapshot.over for snapshot in world.store.stored("a")] == [False]
    world.crash()
    world.turn(250)
    assert world.totals("a") == [(n, n + 1) for n in range(6)]
    assert [snapshot.over for snapshot in world.store.stored("a")] == [True]
    assert world.handler.open_sessions == ["b"]
