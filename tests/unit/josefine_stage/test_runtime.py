import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from running_totals import RunningTotals, chunk

from josefine_stage.errors import ExhaustedError, FencedError, TooManyDeadLettersError
from josefine_stage.handler import Step, Turn
from josefine_stage.health import Health
from josefine_stage.memory import MemoryClock, MemoryLog, MemoryLoose, MemoryReader, MemoryStore, MemoryUnit
from josefine_stage.metrics import stage_metrics
from josefine_stage.position import unpack
from josefine_stage.runtime import Ports, Runtime, RuntimeOptions
from josefine_wire import topics
from josefine_wire.codec import decode, encode


class World:
    """A log, a store, and one replica of the stage at a time."""

    def __init__(
        self,
        *,
        keeps_metadata: bool = True,
        atomic: bool = True,
        snapshot_interval_s: float = 0.05,
        partitions: int = 1,
    ) -> None:
        self._partitions = partitions
        self.clock = MemoryClock()
        self.log = MemoryLog(self.clock)
        self.store = MemoryStore()
        self._keeps_metadata, self._atomic, self._snapshot_interval_s = keeps_metadata, atomic, snapshot_interval_s
        self.clock.now_s += 1
        self.began_ms = int(self.clock.now_s * 1000)
        self.start()

    def start(self, limit: int = 1000) -> None:
        self.handler = RunningTotals()
        self.unit = MemoryUnit(self.log, atomic=self._atomic)

        def open_reader(listener: Any) -> MemoryReader:
            self.reader = MemoryReader(self.log, topics.AUDIO_RAW, listener, keeps_metadata=self._keeps_metadata)
            return self.reader

        options = RuntimeOptions(
            "ingest",
            commit_interval_s=0.0,
            snapshot_interval_s=self._snapshot_interval_s,
            poll_records=7,
            dead_letters_per_minute=limit,
        )
        ports = Ports(open_reader, self.unit, MemoryLoose(self.log), self.store, self.clock)
        self.registry = CollectorRegistry()
        self.runtime = Runtime(self.handler, ports, options, stage_metrics(self.registry), Health(self.clock))
        self.reader.assign(range(self._partitions))

    def publish(
        self, session: str, sequence: int, payload: bytes = b"\x01", *, end: bool = False, partition: int = 0
    ) -> None:
        record = chunk(session, sequence, payload, end=end, at_ms=self.began_ms)
        self.log.append(topics.AUDIO_RAW, session.encode(), encode(topics.AUDIO_RAW, record), partition)

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.runtime.turn()

    def crash(self) -> None:
        self.start()

    def totals(self, session: str) -> list[tuple[int, int]]:
        frames = [decode(topics.AUDIO_FRAMES, raw.value) for raw in self.log.read(topics.AUDIO_FRAMES)]
        return [(f["sequence"], f["start_sample"]) for f in frames if f["session_id"] == session]

    def dead(self) -> list[dict[str, Any]]:
        return [decode(topics.DEAD_LETTERS, raw.value) for raw in self.log.read(topics.DEAD_LETTERS)]


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


def test_garbage_goes_to_the_dead_letters_with_its_offset_and_stops_nobody() -> None:
    world = World()
    world.publish("a", 0)
    world.log.append(topics.AUDIO_RAW, b"x", b"garbage")
    world.log.append(topics.AUDIO_RAW, b"wrong", encode(topics.AUDIO_RAW, chunk("a", 1)))
    world.publish("a", 1)
    world.turn(5)
    assert len(world.totals("a")) == 2
    first = world.dead()[0]
    assert (first["code"], first["offset"], first["value"]) == ("unreadable", 1, b"garbage")
    assert world.dead()[1]["code"] == "wrong_key"


def test_a_record_that_makes_the_handler_raise_is_found_and_buried_alone() -> None:
    world = World()
    for sequence in range(3):
        world.publish("a", sequence)
    world.publish("p", 0, b"poison")
    for sequence in range(3, 6):
        world.publish("a", sequence)
    world.turn(30)
    assert world.totals("a") == [(n, n + 1) for n in range(6)]
    assert [(d["code"], d["offset"]) for d in world.dead()] == [("handler_failed", 3)]


def test_many_failing_sessions_stop_the_stage_and_one_failing_session_does_not() -> None:
    world = World()
    world.start(limit=3)
    for sequence in range(50):
        world.publish("one", sequence, b"bad")
    world.turn(10)
    assert len(world.dead()) == 50
    for number in range(5):
        world.publish(f"s{number}", 0, b"bad")
    with pytest.raises(TooManyDeadLettersError):
        world.turn(3)


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


def test_an_ended_session_is_dropped_from_memory() -> None:
    world = World()
    world.publish("a", 0, end=True)
    world.turn(30)
    world.publish("b", 0)
    world.turn(5)
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


def test_reading_pauses_while_the_handler_is_full() -> None:
    world = World()
    for number in range(200):
        world.publish(f"s{number}", 0, bytes([150]))
    world.turn(12)
    assert len(world.handler._pending) < 70
    world.turn(500)
    assert sum(len(world.totals(f"s{n}")) for n in range(200)) == 200


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


def test_a_late_record_of_an_ended_session_is_done_before_the_session_is_forgotten() -> None:
    world = World()
    world.publish("a", 0, end=True)
    world.publish("b", 0)
    world.turn(20)
    world.publish("a", 1, bytes([140]))  # takes 40 turns, while the end becomes durable
    world.turn(200)
    assert next(iter(world.log.positions.values())).offset == 3


def test_an_output_that_fits_no_schema_is_a_dead_letter() -> None:
    world = World()
    world.publish("a", 0, b"huge")
    world.publish("a", 1)
    world.publish("b", 0)
    world.turn(10)
    assert [letter["code"] for letter in world.dead()] == ["unwritable"]
    assert len(world.totals("a")) == len(world.totals("b")) == 1


def test_a_rebalance_while_reading_is_paused_does_not_leave_a_partition_paused() -> None:
    world = World()
    for number in range(200):
        world.publish(f"s{number}", 0, bytes([250]))
    world.turn(100)
    assert world.reader._paused
    world.reader.assign([1])
    world.handler._pending = [(0, progress) for _, progress in world.handler._pending]  # and room, in the same turn
    world.turn(600)
    assert sum(len(world.totals(f"s{n}")) for n in range(200)) == 200


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


EVENTS = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, 3), st.sampled_from([1, 2, 100, 103, 110])),
    st.tuples(st.just("turn"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("crash"), st.just(0), st.just(0)),
    st.tuples(st.just("revoke"), st.just(0), st.just(0)),
    st.tuples(st.just("lose"), st.just(0), st.just(0)),
    st.tuples(st.just("flush_store"), st.just(0), st.just(0)),
    st.tuples(st.just("abort"), st.just(0), st.just(0)),
    st.tuples(st.just("lose_version"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("store_down"), st.just(0), st.just(0)),
    st.tuples(st.just("store_up"), st.just(0), st.just(0)),
)


def _happen(world: World, name: str, a: int) -> None:
    match name:
        case "turn":
            world.turn(a)
        case "crash":
            world.crash()
        case "revoke" | "lose":
            world.reader.revoke([0], lost=name == "lose")
            world.reader.assign([0])
        case "flush_store":
            world.store.flush_all()
        case "lose_version":
            world.store.lose(f"s{a}")
        case "abort":
            world.unit.abort_next = True
        case "store_down" | "store_up":
            world.store.unreachable = name == "store_down"


def _play(world: World, events: list[tuple[str, int, int]]) -> dict[str, list[int]]:
    sent: dict[str, list[int]] = {}
    for name, a, b in events:
        if name == "publish":
            session = f"s{a}"
            world.publish(session, len(sent.setdefault(session, [])), bytes([b]))
            sent[session].append(b)
            world.clock.now_s += 0.01
        else:
            _happen(world, name, a)
    world.store.unreachable = False
    world.turn(80)
    return sent


def _expected(values: list[int]) -> list[tuple[int, int]]:
    total, out = 0, []
    for sequence, value in enumerate(values):
        total += value
        out.append((sequence, total))
    return out


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=40))
def test_exactly_once_under_random_crashes_and_losses(events: list[tuple[str, int, int]]) -> None:
    world = World()
    for session, values in _play(world, events).items():
        assert sorted(world.totals(session)) == _expected(values)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=40))
def test_at_least_once_on_a_broker_without_metadata_or_transactions(events: list[tuple[str, int, int]]) -> None:
    world = World(keeps_metadata=False, atomic=False)
    for session, values in _play(world, events).items():
        assert sorted(set(world.totals(session))) == _expected(values)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=40))
def test_exactly_once_when_a_commit_can_name_few_records(events: list[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("josefine_stage.position.MAX_DONE", 2)
        world = World()
        for session, values in _play(world, events).items():
            assert sorted(world.totals(session)) == _expected(values)
            in_order = [sequence for sequence, _ in world.totals(session)]
            assert set(in_order) == set(range(len(values)))
