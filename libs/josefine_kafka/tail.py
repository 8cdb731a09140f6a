"""Reading topics outside any group: for clients that follow results, and for the command line."""

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Literal

from confluent_kafka import Consumer, KafkaError, TopicPartition

from josefine_kafka.connection import ELECTION_S, Broker, calling, headers_of, insisting, translated, without_leader
from josefine_stage.errors import ConfigurationError
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.topics import MAX_RECORD_BYTES

BEGINNING, END = -2, -1


class TopicTail:
    """Reads all partitions of topics; one thread, use as an iterator of batches through `poll`."""

    def __init__(self, broker: Broker, topics: Sequence[str], start: Literal["beginning", "end"] | int = "end") -> None:
        """Begins at once: what is written after this returns is seen. An int is a Unix time in milliseconds.

        Raises:
            ConfigurationError: a topic does not exist.
            BrokerError: no answer within the deadline.
        """
        self._broker = broker
        self._consumer = calling(
            "tail",
            lambda: Consumer(
                broker.properties(
                    group_id=f"josefine-tail-{uuid.uuid4().hex}",
                    enable_auto_commit=False,
                    isolation_level="read_committed",
                    enable_partition_eof=True,
                    fetch_wait_max_ms=50,
                    fetch_message_max_bytes=MAX_RECORD_BYTES,
                    queued_max_messages_kbytes=32 * 1024,
                )
            ),
        )
        self._ends: set[Source] = set()
        partitions = [p for topic in topics for p in self._partitions(topic)]
        self._sources = {Source(p.topic, p.partition) for p in partitions}
        self._consumer.assign(self._starts(partitions, start))

    def _partitions(self, topic: str) -> list[TopicPartition]:
        metadata = calling("list topics", lambda: self._consumer.list_topics(topic, timeout=self._broker.timeout_s))
        found = metadata.topics[topic]
        if found.error is not None:
            raise ConfigurationError(f"topic {topic!r} is not at {self._broker.bootstrap_servers}: {found.error.str()}")
        return [TopicPartition(topic, number) for number in found.partitions]

    def _starts(self, partitions: list[TopicPartition], start: str | int) -> list[TopicPartition]:
        if start == "beginning":
            return [TopicPartition(p.topic, p.partition, BEGINNING) for p in partitions]
        # The end as a number: a logical END would be looked up later, after the caller has begun to write.
        ends = [TopicPartition(p.topic, p.partition, self._high(p)) for p in partitions]
        if isinstance(start, int):
            wanted = [TopicPartition(p.topic, p.partition, start) for p in partitions]
            found = calling(
                "offsets by time",
                lambda: self._consumer.offsets_for_times(wanted, timeout=self._broker.timeout_s),
            )
            # Where nothing is as late as that, the answer is a logical END.
            return [at if at.offset >= 0 else end for at, end in zip(found, ends, strict=True)]
        return ends

    def _high(self, partition: TopicPartition) -> int:
        """Returns the partition's end; asks again while it has no leader yet, as just after its topic was created."""
        _, high = insisting(
            "look up the end",
            time.monotonic() + self._broker.timeout_s,
            lambda left_s: self._consumer.get_watermark_offsets(partition, timeout=left_s),
            without_leader,
            ELECTION_S,
        )
        return int(high)

    def poll(self, timeout_s: float, most: int = 500) -> Iterator[RawRecord]:
        """Yields what has come, waiting at most `timeout_s` for the first."""
        first = self._consumer.poll(timeout_s)
        if first is None:
            return
        for message in [first, *self._consumer.consume(most - 1, 0)]:
            source = Source(message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                self._ends.discard(source)
                headers = headers_of(message)
                yield RawRecord(
                    source,
                    message.offset() or 0,
                    message.timestamp()[1],
                    message.key(),
                    message.value(),
                    headers,
                )
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ends.add(source)
            elif not error.retriable():
                raise translated(error, f"read {source.topic}")

    def at_end(self) -> bool:
        """Whether everything that was there has been read."""
        return self._ends == self._sources

    def close(self) -> None:
        """Frees the connection."""
        self._consumer.close()
