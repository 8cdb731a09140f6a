"""Reading what stands in a log, and how far a stage is behind it, on every broker."""

import time
import uuid
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition
from deadlines import wait_until

from josefine_kafka.backlog import StageBacklog
from josefine_kafka.connection import Broker
from josefine_kafka.stretch import LogReader
from josefine_kafka.tail import TopicTail
from josefine_kafka.writers import AcknowledgedWriter
from josefine_stage.errors import BrokerError, ConfigurationError
from josefine_stage.handler import Source
from josefine_wire.topics import AUDIO_RAW, UNDERSTANDING

pytestmark = pytest.mark.broker


only_kafka = pytest.mark.parametrize("broker", ["kafka"], indirect=True)


@pytest.fixture(params=["kafka", "tansu"])
def broker(request, broker_of_kind):
    return Broker(broker_of_kind(request.param).bootstrap_servers, timeout_s=20.0)


@pytest.fixture
def write(broker):
    """Writes values under a key that nobody else has; gives the key."""

    def written(values, topic=AUDIO_RAW, **more):
        key = uuid.uuid4().hex.encode()
        writer = AcknowledgedWriter(broker, **more)
        for value in values:
            writer.send(topic, key, value, {"number": value})
        writer.flush(20.0)
        writer.close()
        return key

    return written


def of_key(records, key):
    return [raw for raw in records if raw.key == key]


def test_all_that_stands_there_is_read_once_in_order_with_its_headers(broker, write):
    keys = [write([b"%d" % number for number in range(1_200)]) for _ in range(3)]

    records = list(LogReader(broker).since(AUDIO_RAW, "beginning"))

    for key in keys:
        own = of_key(records, key)
        assert [raw.value for raw in own] == [b"%d" % number for number in range(1_200)]
        assert all(raw.headers == {"number": raw.value} for raw in own)


def test_a_stretch_has_both_its_ends_and_nothing_beside(broker, write):
    key = write([b"%d" % number for number in range(20)])
    own = of_key(LogReader(broker).since(AUDIO_RAW, "beginning"), key)
    first, last = own[5], own[14]

    read = list(LogReader(broker).between({first.source: (first.offset, last.offset)}))

    assert [raw.offset for raw in read] == list(range(first.offset, last.offset + 1))
    assert of_key(read, key) == own[5:15]


def test_what_is_written_meanwhile_does_not_keep_a_reader(broker, write):
    write([b"0"] * 10)
    for read, _ in enumerate(LogReader(broker).since(AUDIO_RAW, "beginning"), start=1):
        if read <= 3:
            write([b"1"])


def test_an_empty_stretch_and_a_time_to_come_are_no_records(broker):
    assert list(LogReader(broker).since(UNDERSTANDING, int(time.time() * 1000) + 3_600_000)) == []


@only_kafka  # the ends of partitions that Tansu tells are not those that it has
@pytest.mark.parametrize("attempt", range(5))
def test_a_tail_from_a_time_to_come_has_all_that_is_written_after_it_is_open(broker, attempt):
    key = uuid.uuid4().hex.encode()
    with closing(AcknowledgedWriter(broker)) as writer:
        writer.send(AUDIO_RAW, key, b"before")
        writer.flush(20.0)
        with closing(TopicTail(broker, [AUDIO_RAW], int(time.time() * 1000) + 3_600_000)) as tail:
            writer.send(AUDIO_RAW, key, b"after")
            writer.flush(20.0)
            found = []
            wait_until(lambda: found, meanwhile=lambda: found.extend(of_key(tail.poll(0.5), key)))
    assert [raw.value for raw in found] == [b"after"]


@only_kafka  # Tansu answers nothing at all for an offset that it has not got
def test_a_topic_that_is_not_there_and_an_offset_that_is_gone_are_told(broker):
    with pytest.raises(ConfigurationError, match="no-such-topic"):
        list(LogReader(broker).since("no-such-topic", "beginning"))
    with pytest.raises(BrokerError, match=r"audio\.raw"):
        list(LogReader(broker).between({Source(AUDIO_RAW, 0): (10**9, 10**9 + 1)}))


@only_kafka  # the ends of partitions that Tansu tells are not those that it has
def test_a_stage_is_behind_by_what_it_has_not_committed(broker, write):
    stage = uuid.uuid4().hex
    key = write([b"%d" % number for number in range(50)])
    own = of_key(LogReader(broker).since(AUDIO_RAW, "beginning"), key)
    ends = {raw.source: raw.offset for raw in LogReader(broker).since(AUDIO_RAW, "beginning")}
    consumer = Consumer(broker.properties(group_id=f"josefine-{stage}"))
    done = [TopicPartition(*source, offset + 1) for source, offset in ends.items()]
    at = next(each for each in done if Source(each.topic, each.partition) == own[0].source)
    at.offset -= 7
    consumer.commit(offsets=done, asynchronous=False)
    consumer.close()

    with closing(StageBacklog(broker, stage, AUDIO_RAW)) as backlog:
        assert backlog.records() == 7
    with closing(StageBacklog(broker, uuid.uuid4().hex, AUDIO_RAW)) as never_ran:
        assert never_ran.records() >= 50
