"""Reading what stands in a log now, once and to its end: for commands that look back."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from josefine_kafka.connection import ELECTION_S, Broker, calling, headers_of, insisting, translated, without_leader
from josefine_stage.errors import BrokerError, ConfigurationError
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.topics import MAX_RECORD_BYTES

POLL_S: Final = 0.5
MOST: Final = 500
BEGINNING: Final = -2


class LogReader:
    """Reads committed records outside any group. Every call opens its own connection; one thread."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def since(self, topic: str, start: Literal["beginning"] | int) -> Iterator[RawRecord]:
        """Yields what stands in a topic from `start` (Unix epoch in ms) on, each partition until its end is reached.

        Raises:
            ConfigurationError: the topic does not exist.
            BrokerError: nothing came within the broker's deadline.
        """
        consumer = self._consumer(lost="earliest")
        try:
            begin = self._begin(consumer, topic, start)
            yield from self._read(consumer, begin, {})
        finally:
            consumer.close()

    def between(self, stretches: Mapping[Source, tuple[int, int]]) -> Iterator[RawRecord]:
        """Yields the records of partitions from the first offset to the last, both included.

        Raises:
            BrokerError: nothing came within the broker's deadline, or the first offset is no longer there.
        """
        consumer = self._consumer(lost="error")
        try:
            begin = [TopicPartition(*source, first) for source, (first, _) in stretches.items()]
            yield from self._read(consumer, begin, {source: last for source, (_, last) in stretches.items()})
        finally:
            consumer.close()

    def _consumer(self, *, lost: Literal["earliest", "error"]) -> Consumer:
        """Returns a consumer; `lost`: what to do where the first offset has gone."""
        properties = self._broker.properties(
            group_id=f"josefine-look-back-{uuid.uuid4().hex}",
            enable_auto_commit=False,
            isolation_level="read_committed",
            enable_partition_eof=True,
            auto_offset_reset=lost,
            fetch_wait_max_ms=50,
            fetch_message_max_bytes=MAX_RECORD_BYTES,
            queued_max_messages_kbytes=32 * 1024,
        )
        return calling("look back", lambda: Consumer(properties))

    def _begin(self, consumer: Consumer, topic: str, start: Literal["beginning"] | int) -> list[TopicPartition]:
        timeout_s = self._broker.timeout_s
        found = calling("list topics", lambda: consumer.list_topics(topic, timeout=timeout_s)).topics[topic]
        if found.error is not None:
            raise ConfigurationError(f"topic {topic!r} is not at {self._broker.bootstrap_servers}: {found.error.str()}")
        offset = BEGINNING if start == "beginning" else start
        partitions = [TopicPartition(topic, number, offset) for number in found.partitions]
        if start == "beginning":
            return partitions
        return insisting(
            "offsets by time",
            time.monotonic() + timeout_s,
            lambda left_s: consumer.offsets_for_times(partitions, timeout=left_s),
            without_leader,
            ELECTION_S,
        )

    def _read(
        self, consumer: Consumer, begin: Sequence[TopicPartition], last: Mapping[Source, int]
    ) -> Iterator[RawRecord]:
        """Reads until each partition's last offset, or its end, was reached."""
        left = {Source(p.topic, p.partition) for p in begin}
        consumer.assign(list(begin))
        deadline_s = time.monotonic() + self._broker.timeout_s
        while left:
            # The first that comes is waited for, and what has come with it: consume alone would wait for all MOST.
            first = consumer.poll(POLL_S)
            messages = [] if first is None else [first, *consumer.consume(MOST - 1, 0)]
            for message in messages:
                source, offset = Source(message.topic() or "", message.partition() or 0), message.offset() or 0
                at_end = _at_end(message)
                if source in left and message.error() is None and offset <= last.get(source, offset):
                    yield _record(message, source)
                if source in left and (at_end or offset >= last.get(source, offset + 1)):
                    left.discard(source)
                    consumer.pause([TopicPartition(*source)])
            # Whoever takes the records may be slow: only what the broker lets us wait counts.
            now_s = time.monotonic()
            if messages:
                deadline_s = now_s + self._broker.timeout_s
            elif now_s > deadline_s:
                raise BrokerError(f"look back: nothing has come for {self._broker.timeout_s:.0f} s")


def _at_end(message: Message) -> bool:
    """Returns whether this is no record but the end of its partition, or trouble that passes (False)."""
    error = message.error()
    if error is None or error.retriable():
        return False
    if error.code() != KafkaError._PARTITION_EOF:
        raise translated(error, f"read {message.topic()}")
    return True


def _record(message: Message, source: Source) -> RawRecord:
    _, timestamp_ms = message.timestamp()
    return RawRecord(source, message.offset() or 0, timestamp_ms, message.key(), message.value(), headers_of(message))
