"""The runtime's ports: the same behaviour in memory and on real brokers."""

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence

import pytest
from deadlines import wait_until

from josefine_kafka.admin import require_topics
from josefine_kafka.connection import Broker
from josefine_kafka.probe import require_transactions
from josefine_kafka.reader import GroupReader
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter, AtLeastOnceUnit, TransactionalUnit
from josefine_stage.errors import ConfigurationError, FencedError
from josefine_stage.handler import Source
from josefine_stage.memory import MemoryClock, MemoryLog, MemoryLoose, MemoryReader, MemoryUnit
from josefine_stage.ports import LooseWriter, Position, RawRecord, Reader, UnitOfWork
from josefine_wire import topics

INPUT, OUTPUT = topics.AUDIO_RAW, topics.AUDIO_FRAMES
DEADLINE_S = 60.0


class Assignments:
    """A listener that starts where the group committed and remembers what it was told."""

    def __init__(self) -> None:
        self.committed: dict[Source, Position | None] = {}

    def assigned(self, committed: Mapping[Source, Position | None]) -> Mapping[Source, int | None]:
        self.committed.update(committed)
        return {source: position.offset if position else None for source, position in committed.items()}

    def revoked(self, sources: Collection[Source]) -> None:
        for source in sources:
            self.committed.pop(source, None)

    lost = revoked


class MemoryWorld:
    """The ports in memory."""

    keeps_metadata = transactions = looks_up_time = True

    def __init__(self) -> None:
        self._log = MemoryLog(MemoryClock())
        self._units: list[MemoryUnit] = []

    def loose(self) -> LooseWriter:
        return MemoryLoose(self._log)

    def reader(self, listener: Assignments) -> Reader:
        reader = MemoryReader(self._log, INPUT, listener)
        reader.assign([0])
        return reader

    def unit(self, reader: Reader, name: str = "one") -> UnitOfWork:
        for unit in self._units:
            unit.fenced = True
        self._units.append(MemoryUnit(self._log, producer_epoch=len(self._units)))
        return self._units[-1]

    def written(self, key: bytes, count: int) -> list[bytes | None]:
        return [record.value for record in self._log.read(OUTPUT) if record.key == key]


class BrokerWorld:
    """The ports on a real broker."""

    def __init__(self, servers: str, kind: str) -> None:
        self.keeps_metadata = self.transactions = self.looks_up_time = kind == "kafka"
        self._broker = Broker(servers, timeout_s=20.0)
        self._group = f"conformance-{uuid.uuid4().hex}"
        self._tail = TopicTail(self._broker, [OUTPUT], "end")
        self._seen: list[RawRecord] = []

    def loose(self) -> LooseWriter:
        return AcknowledgedWriter(self._broker)

    def reader(self, listener: Assignments) -> Reader:
        return GroupReader(
            self._broker, self._group, "one", INPUT, listener, session_timeout_ms=6000, static=self.transactions
        )

    def unit(self, reader: Reader, name: str = "one") -> UnitOfWork:
        assert isinstance(reader, GroupReader)
        if self.transactions:
            return TransactionalUnit(self._broker, f"{self._group}-{name}", reader.group_metadata)
        return AtLeastOnceUnit(self._broker, reader.commit)

    def written(self, key: bytes, count: int) -> list[bytes | None]:
        deadline_s = time.monotonic() + DEADLINE_S
        while len(self._of(key)) < count and time.monotonic() < deadline_s:
            self._seen += self._tail.poll(0.2)
        return self._of(key)

    def _of(self, key: bytes) -> list[bytes | None]:
        return [record.value for record in self._seen if record.key == key]


World = MemoryWorld | BrokerWorld


@pytest.fixture(params=["memory", "kafka", "tansu"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return MemoryWorld()
    stack = request.getfixturevalue("broker_of_kind")(request.param)
    return BrokerWorld(stack.bootstrap_servers, request.param)


def _read(reader: Reader, key: bytes, count: int) -> list[RawRecord]:
    """Returns the first records of a key, within the deadline."""
    found: list[RawRecord] = []
    deadline_s = time.monotonic() + DEADLINE_S
    while len(found) < count and time.monotonic() < deadline_s:
        found += [record for record in reader.poll(100, 0.2) if record.key == key]
    return found


def _until(done: Callable[[], bool], *readers: Reader) -> None:
    def poll() -> None:
        for reader in readers:
            reader.poll(100, 0.1)

    wait_until(done, within_s=DEADLINE_S, meanwhile=poll)


def _publish(world: World, key: bytes, values: Sequence[bytes]) -> None:
    writer = world.loose()
    for value in values:
        writer.send(INPUT, key, value)
    writer.close()


@pytest.fixture
def key() -> bytes:
    return uuid.uuid4().hex.encode()


def test_records_of_a_key_come_in_order_with_ascending_offsets(world: World, key: bytes) -> None:
    _publish(world, key, [b"0", b"1", b"2"])
    reader = world.reader(Assignments())
    records = _read(reader, key, 3)
    assert [record.value for record in records] == [b"0", b"1", b"2"]
    assert [r.offset for r in records] == sorted({r.offset for r in records})
    _until(lambda: records[0].source in reader.caught_up(), reader)
    reader.close()


def test_who_does_not_read_knows_no_end(world: World, key: bytes) -> None:
    _publish(world, key, [b"0"])
    reader = world.reader(Assignments())
    [record] = _read(reader, key, 1)
    _until(lambda: record.source in reader.caught_up(), reader)
    reader.pause([record.source])
    assert record.source not in reader.caught_up()
    reader.resume([record.source])
    _until(lambda: record.source in reader.caught_up(), reader)
    reader.close()


def test_a_commit_makes_outputs_visible_and_is_where_the_next_reader_begins(world: World, key: bytes) -> None:
    _publish(world, key, [b"0", b"1"])
    reader = world.reader(Assignments())
    unit = world.unit(reader)
    first, second = _read(reader, key, 2)
    unit.send(OUTPUT, key, b"out")
    unit.commit({first.source: Position(second.offset, "1;0;")})
    assert world.written(key, 1) == [b"out"]
    reader.close()
    unit.close()
    listener = Assignments()
    again = world.reader(listener)
    assert [record.value for record in _read(again, key, 1)] == [b"1"]
    position = listener.committed[first.source]
    assert position is not None
    assert position.offset == second.offset
    if world.keeps_metadata:
        assert position.metadata == "1;0;"
    again.close()


def test_what_was_aborted_is_never_seen(world: World, key: bytes) -> None:
    if not world.transactions:
        pytest.skip("this broker shows aborted records")
    _publish(world, key, [b"0"])
    reader = world.reader(Assignments())
    unit = world.unit(reader)
    _read(reader, key, 1)
    unit.send(OUTPUT, key, b"aborted")
    unit.abort()
    unit.send(OUTPUT, key, b"kept")
    unit.commit({})
    assert world.written(key, 1) == [b"kept"]
    reader.close()
    unit.close()


def test_a_second_life_fences_the_first(world: World, key: bytes) -> None:
    if not world.transactions:
        pytest.skip("without transactions nothing is fenced; readers drop repeated ids")
    reader = world.reader(Assignments())
    old = world.unit(reader)
    old.send(OUTPUT, key, b"zombie")
    new = world.unit(reader)
    with pytest.raises(FencedError):
        old.commit({})
    new.send(OUTPUT, key, b"alive")
    new.commit({})
    assert world.written(key, 1) == [b"alive"]
    reader.close()
    new.close()


def test_a_later_life_has_a_later_epoch(world: World, key: bytes) -> None:
    if not world.transactions:
        pytest.skip("without transactions there is no producer epoch; every life has a generation of its own")
    reader = world.reader(Assignments())
    units = [world.unit(reader) for _ in range(3)]
    epochs = [unit.producer_epoch for unit in units]
    assert epochs == sorted(set(epochs))
    reader.close()


def test_a_member_knows_its_groups_generation(world: World, key: bytes) -> None:
    _publish(world, key, [b"0"])
    reader = world.reader(Assignments())
    _read(reader, key, 1)
    assert reader.generation() >= 0
    reader.close()


@pytest.mark.parametrize("strategy", ["cooperative-sticky", "range"])
def test_partitions_move_under_every_strategy(
    broker_of_kind: Callable[[str], object], key: bytes, strategy: str
) -> None:
    broker = Broker(broker_of_kind("kafka").bootstrap_servers, {"partition.assignment.strategy": strategy})
    group, first, second = f"moves-{key.decode()}", Assignments(), Assignments()
    reader = GroupReader(broker, group, "one", INPUT, first, session_timeout_ms=6000)
    _until(lambda: bool(first.committed), reader)
    everything, generation = set(first.committed), reader.generation()
    other = GroupReader(broker, group, "two", INPUT, second, session_timeout_ms=6000)
    _until(lambda: bool(second.committed) and set(first.committed) | set(second.committed) == everything, reader, other)
    assert not set(first.committed) & set(second.committed)
    assert reader.generation() == other.generation() > generation
    other.close()
    reader.close()


def test_a_reader_goes_back_and_on_again(world: World, key: bytes) -> None:
    _publish(world, key, [b"0", b"1", b"2"])
    reader = world.reader(Assignments())
    first = _read(reader, key, 3)[0]
    reader.seek(first.source, first.offset)
    assert [record.value for record in _read(reader, key, 3)] == [b"0", b"1", b"2"]
    reader.close()


def test_the_log_is_searched_by_time(world: World, key: bytes) -> None:
    _publish(world, key, [b"0"])
    reader = world.reader(Assignments())
    [record] = _read(reader, key, 1)
    found = reader.offset_at(record.source, record.timestamp_ms)
    assert found <= record.offset
    if world.looks_up_time:
        assert reader.offset_at(record.source, record.timestamp_ms + 3_600_000) >= 0
    reader.close()


def test_nothing_is_read_while_paused(world: World, key: bytes) -> None:
    _publish(world, key, [b"0"])
    reader = world.reader(Assignments())
    [record] = _read(reader, key, 1)
    reader.pause([record.source])
    _publish(world, key, [b"1"])
    assert not [r for _ in range(5) for r in reader.poll(10, 0.1) if r.key == key]
    reader.resume([record.source])
    assert [r.value for r in _read(reader, key, 1)] == [b"1"]
    reader.close()


def test_the_probe_tells_real_transactions_from_others(broker_of_kind: Callable[[str], object]) -> None:
    kafka = broker_of_kind("kafka")
    require_topics(Broker(kafka.bootstrap_servers))
    require_transactions(Broker(kafka.bootstrap_servers))


def test_the_probe_refuses_a_broker_that_shows_aborted_records(broker_of_kind: Callable[[str], object]) -> None:
    tansu = broker_of_kind("tansu")
    with pytest.raises(ConfigurationError, match="at_least_once"):
        require_transactions(Broker(tansu.bootstrap_servers))
