"""Several replicas of a stage on one log and one store, and every way in which one of them is replaced."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from running_totals import RunningTotals, chunk

from josefine_stage.errors import ConfigurationError, FencedError, StoreFencedError
from josefine_stage.health import Health
from josefine_stage.memory import MemoryClock, MemoryLog, MemoryLoose, MemoryReader, MemoryStore, MemoryUnit
from josefine_stage.metrics import stage_metrics
from josefine_stage.ports import Ports
from josefine_stage.runtime import Runtime, RuntimeOptions
from josefine_wire import topics
from josefine_wire.codec import decode, encode

PARTITIONS, REPLICAS, SESSIONS = 2, 2, 4


@dataclass
class Process:
    """A replica's process: one life of it."""

    runtime: Runtime
    reader: MemoryReader
    unit: MemoryUnit
    handler: RunningTotals


class Group:
    """The replicas of one stage."""

    def __init__(self, *, atomic: bool = True, keeps_metadata: bool = True, commit_interval_s: float = 0.004) -> None:
        self._atomic, self._keeps_metadata = atomic, keeps_metadata
        self._commit_interval_s = commit_interval_s
        self.clock = MemoryClock()
        self.log, self.store = MemoryLog(self.clock), MemoryStore()
        self.clock.now_s += 1
        self._began_ms = int(self.clock.now_s * 1000)
        self._lives = [0] * REPLICAS
        self.zombies: list[Process] = []
        self.replicas = [self._start(name) for name in range(REPLICAS)]
        for partition in range(PARTITIONS):
            self.replicas[partition % REPLICAS].reader.assign([partition])

    def _start(self, name: int) -> Process:
        self._lives[name] += 1
        handler = RunningTotals()
        unit = MemoryUnit(
            self.log,
            atomic=self._atomic,
            generation=lambda: opened[-1].generation(),  # noqa: PLW0108 - it is opened later
            producer_epoch=self._lives[name] if self._atomic else 0,
        )
        opened: list[MemoryReader] = []

        def open_reader(listener: Any) -> MemoryReader:
            opened.append(MemoryReader(self.log, topics.AUDIO_RAW, listener, keeps_metadata=self._keeps_metadata))
            return opened[0]

        options = RuntimeOptions(
            "ingest",
            commit_interval_s=self._commit_interval_s,
            snapshot_interval_s=0.02,
            poll_records=5,
            dead_letters_per_minute=1000,
        )
        ports = Ports(open_reader, unit, MemoryLoose(self.log), self.store, self.clock)
        runtime = Runtime(handler, ports, options, stage_metrics(CollectorRegistry()), Health(self.clock))
        return Process(runtime, opened[0], unit, handler)

    def publish(self, session: int, sequence: int, payload: bytes, *, end: bool = False) -> None:
        record = chunk(f"s{session}", sequence, payload, end=end, at_ms=self._began_ms)
        value = encode(topics.AUDIO_RAW, record)
        self.log.append(topics.AUDIO_RAW, f"s{session}".encode(), value, session % PARTITIONS)
        self.clock.now_s += 0.002

    def turn(self, name: int, times: int = 1) -> None:
        for _ in range(times):
            self.replicas[name].runtime.turn()

    def turn_all(self, times: int) -> None:
        for _ in range(times):
            for name in range(REPLICAS):
                self.turn(name)

    def move(self, partition: int, to: int) -> None:
        """A rebalance in good order: the owner gives up before the next one takes."""
        for process in self.replicas:
            if partition in process.reader.held() and not process.reader.cut_off:
                process.reader.revoke([partition])
        self.replicas[to].reader.assign([partition])

    def take_away(self, partition: int, to: int) -> None:
        """The owner was silent for too long: it is a zombie until it hears of it."""
        self.replicas[to].reader.assign([partition])

    def crash(self, name: int) -> None:
        """The process is gone; the next one of its name takes its partitions up in the same generation."""
        partitions = self._owned(name)
        self.replicas[name] = self._start(name)
        self._inherit(name, partitions)

    def start_a_second(self, name: int) -> None:
        """Another process of the same name begins while the first one is still there."""
        partitions = self._owned(name)
        first = self.replicas[name]
        first.unit.fenced = True
        self.zombies.append(first)
        self.replicas[name] = self._start(name)
        self._inherit(name, partitions)

    def wake_zombies(self) -> None:
        """Those whose name was taken go on where they were, until the broker tells them."""
        for zombie in self.zombies:
            with suppress(FencedError):
                for _ in range(200):
                    zombie.runtime._collect()
                    zombie.runtime._commit_if_due()
                    zombie.runtime._snapshots.sweep_if_due()
                    self.clock.now_s += 0.01
        self.zombies.clear()

    def _owned(self, name: int) -> list[int]:
        reader = self.replicas[name].reader
        return [source.partition for source, owner in self.log.owners.items() if owner is reader]

    def _inherit(self, name: int, partitions: list[int]) -> None:
        generation = self.log.generation
        self.replicas[name].reader.assign(partitions)
        # A static member that comes again causes no rebalance.
        self.log.generation = self.replicas[name].reader._generation = generation

    def settle(self) -> None:
        """Everything is heard of, and all that was sent comes out."""
        self.store.unreachable = False
        for process in self.replicas:
            process.reader.cut_off = False
        self.turn_all(150)

    def totals(self, session: int) -> list[tuple[int, int]]:
        frames = [decode(topics.AUDIO_FRAMES, raw.value) for raw in self.log.read(topics.AUDIO_FRAMES)]
        return [(f["sequence"], f["start_sample"]) for f in frames if f["session_id"] == f"s{session}"]


NAMES = st.integers(0, REPLICAS - 1)
WHERE = st.tuples(st.integers(0, PARTITIONS - 1), NAMES)
DELIVERIES = st.tuples(
    st.just("deliver"), st.tuples(st.integers(0, SESSIONS - 1), st.sampled_from([1, 2, 100, 103, 110]))
)
FAULTS = st.one_of(
    st.tuples(st.sampled_from(["crash", "cut_off", "reconnect", "start_a_second", "abort"]), st.tuples(NAMES)),
    st.tuples(st.sampled_from(["move", "take_away"]), WHERE),
    st.tuples(st.sampled_from(["flush_store", "store_down", "store_up", "wake_zombies"]), st.just(())),
    st.tuples(st.just("lose_version"), st.tuples(st.integers(0, SESSIONS - 1))),
)
STEPS = st.tuples(st.one_of(DELIVERIES, FAULTS), st.integers(0, 3), st.integers(0, 3))
"""What happens, and how often each replica turns after it."""


def _happen(group: Group, name: str, what: Any) -> None:
    match name:
        case "cut_off" | "reconnect":
            group.replicas[what[0]].reader.cut_off = name == "cut_off"
        case "abort":
            group.replicas[what[0]].unit.abort_next = True
        case "flush_store":
            group.store.flush_all()
        case "lose_version":
            group.store.lose(f"s{what[0]}")
        case "store_down" | "store_up":
            group.store.unreachable = name == "store_down"
        case _:
            happen: Callable[..., None] = getattr(group, name)
            happen(*what)


def _play(group: Group, steps: list[Any]) -> dict[int, list[int]]:
    """Lets everything happen; returns what was sent in each session."""
    sent: dict[int, list[int]] = {}
    for (name, what), *turns in steps:
        if name == "deliver":
            session, value = what
            values = sent.setdefault(session, [])
            group.publish(session, len(values), bytes([value]))
            values.append(value)
        else:
            _happen(group, name, what)
        for replica, times in enumerate(turns):
            group.turn(replica, times)
    group.settle()
    group.wake_zombies()
    group.turn_all(20)
    return sent


def _expected(values: list[int]) -> list[tuple[int, int]]:
    return [(sequence, sum(values[: sequence + 1])) for sequence in range(len(values))]


SCHEDULES = st.lists(STEPS, max_size=40)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULES)
def test_exactly_once_whoever_owns_what(steps: list[Any]) -> None:
    group = Group()
    for session, values in _play(group, steps).items():
        assert sorted(group.totals(session)) == _expected(values)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULES)
def test_nothing_is_lost_or_changed_where_there_are_no_transactions(steps: list[Any]) -> None:
    group = Group(atomic=False, keeps_metadata=False)
    for session, values in _play(group, steps).items():
        assert sorted(set(group.totals(session))) == _expected(values)


def test_what_a_unit_holds_of_a_lost_partition_is_not_written() -> None:
    group = Group(commit_interval_s=1000.0)
    group.publish(0, 0, b"\x01")
    group.turn(0, 3)
    group.take_away(0, 1)
    group.turn(1, 3)
    group.turn(0)
    for process in group.replicas:
        process.runtime._commit()
    group.settle()
    for process in group.replicas:
        process.runtime._commit()
    assert group.totals(0) == [(0, 1)]


def test_a_zombie_does_not_overwrite_what_its_successor_has_stored() -> None:
    group = Group()
    group.publish(0, 0, b"\x01")
    group.turn(0, 30)
    group.replicas[0].reader.cut_off = True
    group.take_away(0, 1)
    group.publish(0, 1, b"idle")
    group.publish(0, 2, b"\x01")
    group.turn(1, 200)
    before = group.store.load(["s0"], epoch=10**9)["s0"]
    zombie = group.replicas[0]
    zombie.handler._last["s0"] = 99
    zombie.runtime._sessions.touch("s0")
    group.clock.now_s += 10
    zombie.runtime._snapshots.sweep_if_due()
    assert group.store.load(["s0"], epoch=10**9)["s0"] == before


def test_a_zombie_that_takes_a_session_for_silent_does_not_end_it() -> None:
    group = Group()
    group.publish(0, 0, b"idle")
    group.turn(0, 10)
    group.replicas[0].reader.cut_off = True
    group.take_away(0, 1)
    for sequence in range(1, 5):
        group.publish(0, sequence, b"\x01")
    group.turn(1, 10)
    group.turn(0, 100)  # 60 turns after which the handler ends it
    assert -1 not in [total for _, total in group.totals(0)]


def test_a_process_that_slept_has_not_heard_silence() -> None:
    group = Group()
    turns: list[float] = []
    advance = group.replicas[0].handler.advance
    group.replicas[0].handler.advance = lambda turn: turns.append(turn.now_s) or advance(turn)  # type: ignore[method-assign,func-returns-value]
    group.turn(0)
    group.clock.now_s += 3600
    group.turn(0)
    assert turns[1] - turns[0] <= 2.0


def test_records_that_were_read_before_a_rebalance_took_them_back_are_read_again() -> None:
    group = Group(commit_interval_s=1000.0)
    group.move(1, 0)
    for sequence in range(6):
        group.publish(0, sequence, b"\x01")
    owner = group.replicas[0]
    group.turn(0)  # five of them

    def rebalance() -> None:
        owner.unit.abort_next = True
        owner.reader.revoke([1])

    owner.reader.while_reading = rebalance
    for _ in range(3):
        group.turn(0, 20)
        owner.runtime._commit()
    assert group.totals(0) == [(n, n + 1) for n in range(6)]


def test_a_group_that_has_committed_nothing_begins_anew() -> None:
    group = Group()
    group.store.claim(10**9)
    group.take_away(0, 0)
    group.turn(0, 150)
    group.store.claim(group.log.generation << 15)


def test_epochs_that_go_back_end_the_stage_with_the_mend() -> None:
    group = Group()
    group.publish(0, 0, b"\x01")
    group.turn(0, 150)
    group.store.claim(10**9)
    group.take_away(0, 0)
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        group.turn(0, 150)


def test_a_replica_that_is_slow_to_join_is_no_contradiction() -> None:
    group = Group()
    group.replicas[0].runtime._standing.refused(StoreFencedError("a later epoch"))
    group.take_away(1, 0)
    group.publish(0, 0, b"\x01")
    group.turn(0, 50)
    assert group.totals(0) == [(0, 1)]
