"""What a reader makes of librdkafka's batches; the consumer is scripted, the broker's behaviour is in conformance."""

from collections.abc import Callable
from typing import Any

import pytest

from josefine_kafka.connection import Broker
from josefine_kafka.membership import generation_of, group_of, require_membership
from josefine_kafka.reader import GroupReader
from josefine_stage.errors import BrokerError, UnitAbortedError
from josefine_stage.handler import Source

TOPIC = "audio.raw"


class Message:
    def __init__(self, partition: int, offset: int) -> None:
        self._partition, self._offset = partition, offset

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def error(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def headers(self) -> None:
        return None

    key = value = lambda _: b""


class ScriptedConsumer:
    """Gives what a test says, and lets something happen before it gives more."""

    first: Message | None = None
    more: tuple[Message, ...] = ()
    before_more: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, _: Any) -> None:
        """Connects to nothing."""

    def subscribe(self, *_: Any, **__: Any) -> None:
        """Joins nothing."""

    def poll(self, _: float) -> Message | None:
        return self.first

    def consume(self, *_: Any) -> tuple[Message, ...]:
        self.before_more()
        return self.more

    def seek(self, _: Any) -> None:
        """Goes nowhere."""


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> GroupReader:
    monkeypatch.setattr("josefine_kafka.reader.Consumer", ScriptedConsumer)
    return GroupReader(Broker("nowhere:1"), "group", "one", TOPIC, None)  # type: ignore[arg-type]


def test_a_record_that_was_taken_before_its_partition_was_sought_is_dropped(reader: GroupReader) -> None:
    consumer: Any = reader._consumer
    consumer.first, consumer.more = Message(0, 5), (Message(0, 0), Message(1, 7))
    consumer.before_more = lambda: reader.seek(Source(TOPIC, 0), 0)
    assert [(record.source.partition, record.offset) for record in reader.poll(10, 0.1)] == [(0, 0), (1, 7)]


def test_other_partitions_lose_nothing_by_it(reader: GroupReader) -> None:
    consumer: Any = reader._consumer
    consumer.first, consumer.more = Message(1, 7), (Message(1, 8),)
    consumer.before_more = lambda: reader.seek(Source(TOPIC, 0), 0)
    assert [record.offset for record in reader.poll(10, 0.1)] == [7, 8]
    consumer.before_more = lambda: None
    assert [record.offset for record in reader.poll(10, 0.1)] == [7, 8]


def test_group_metadata_of_another_format_is_named() -> None:
    assert generation_of(b"CGMDv2:\x03\x00\x00\x00group\x00") == 3
    with pytest.raises(BrokerError, match="CGMDv2"):
        generation_of(b"CGMDv3:\x03\x00\x00\x00")


def test_group_metadata_names_the_group() -> None:
    assert group_of(b"CGMDv2:\x03\x00\x00\x00group\x00one-c44d\x00\x00one\x00") == "group"


def test_who_is_no_member_does_not_commit() -> None:
    require_membership(0)
    with pytest.raises(UnitAbortedError):
        require_membership(-1)
