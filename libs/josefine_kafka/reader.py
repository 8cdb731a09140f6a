"""A Reader of the stage runtime: a member of a consumer group, one topic."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from josefine_kafka.connection import Broker, calling, headers_of, translated
from josefine_kafka.membership import Absence, generation_of, members, require_membership
from josefine_stage.errors import FencedError
from josefine_stage.handler import Source
from josefine_stage.ports import AssignmentListener, Position, RawRecord
from josefine_wire.topics import MAX_RECORD_BYTES

CLOSE_POLL_S = 0.05
COOPERATIVE = "cooperative-sticky"
"""Only what changes hands is given up (KIP-429); any other strategy gives up everything at every rebalance."""
OLDEST = -2
"""librdkafka's logical offset of the oldest record (RD_KAFKA_OFFSET_BEGINNING)."""


class GroupReader:
    """Reads committed records of a topic, commits nothing by itself. One thread."""

    def __init__(
        self,
        broker: Broker,
        group: str,
        instance_id: str,
        topic: str,
        listener: AssignmentListener,
        *,
        session_timeout_ms: int = 10_000,
        static: bool = True,
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._listener = listener
        self._closing = False
        self._ends: set[Source] = set()
        self._moved: set[Source] = set()
        """Given up or sought since the batch that is being read was begun."""
        self._positions: dict[Source, int] = {}
        self._absence = Absence(lambda: members(broker, group), instance_id if static else None)
        properties = broker.properties(
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_partition_eof=True,
            partition_assignment_strategy=COOPERATIVE,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=max(session_timeout_ms // 6, 200),
            # A broker that wakes on new data answers at once; one that does not makes this the latency.
            fetch_wait_max_ms=100 if static else 20,
            fetch_message_max_bytes=MAX_RECORD_BYTES,
            # What is fetched ahead is memory of every replica; the log itself is the buffer.
            queued_max_messages_kbytes=8 * 1024,
            fetch_max_bytes=2 * MAX_RECORD_BYTES,
        )
        if static:
            # A restarted replica takes its partitions up at once instead of after the session timeout.
            properties["group.instance.id"] = instance_id
        self._cooperative = properties["partition.assignment.strategy"] == COOPERATIVE
        self._consumer = calling("consumer", lambda: Consumer(properties))
        self._consumer.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)

    def group_metadata(self) -> Any:
        """Returns what a transaction needs to commit this group's offsets."""
        return self._consumer.consumer_group_metadata()

    def generation(self) -> int:
        return generation_of(self.group_metadata())

    def commit(self, positions: Mapping[Source, Position]) -> None:
        """Commits positions and waits for it; for units without transactions.

        Raises:
            UnitAbortedError: the partitions are with others, or on their way.
        """
        require_membership(self.generation())
        offsets = [TopicPartition(s.topic, s.partition, p.offset, p.metadata) for s, p in positions.items()]
        results = calling("commit offsets", lambda: self._consumer.commit(offsets=offsets, asynchronous=False))
        for result in results or ():
            if result.error:
                raise translated(result.error, f"commit offset of {result.topic}[{result.partition}]")

    def poll(self, most: int, timeout_s: float) -> Sequence[RawRecord]:
        first = self._consumer.poll(timeout_s)
        if first is None:
            self._absence.check()
            return ()
        self._moved.clear()
        more = self._consumer.consume(most - 1, 0) if most > 1 else []
        # A rebalance while more was taken may have moved the partition of the first one: it will come again. What
        # consume itself gives is read after that.
        messages = more if Source(first.topic() or "", first.partition() or 0) in self._moved else [first, *more]
        return [record for message in messages if (record := self._record(message)) is not None]

    def _record(self, message: Message) -> RawRecord | None:
        error = message.error()
        source = Source(message.topic() or self._topic, message.partition() or 0)
        if error is not None:
            self._note(error, source)
            return None
        if self._ends:
            self._ends.discard(source)
        offset = int(message.offset() or 0)
        self._positions[source] = offset + 1
        headers = headers_of(message)
        return RawRecord(source, offset, message.timestamp()[1], message.key(), message.value(), headers)

    def _note(self, error: KafkaError, source: Source) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._ends.add(source)
        elif error.fatal():
            # What is fatal to a consumer is to be fenced as a static member.
            raise FencedError(f"read {self._topic}: {error.str()}")
        elif not error.retriable() and error.code() != KafkaError._MAX_POLL_EXCEEDED:
            raise translated(error, f"read {self._topic}")

    def seek(self, source: Source, offset: int) -> None:
        self._moved.add(source)
        self._ends.discard(source)
        self._positions[source] = offset
        target = TopicPartition(source.topic, source.partition, offset)
        calling(f"seek {source}", lambda: self._consumer.seek(target))

    def offset_at(self, source: Source, timestamp_ms: int) -> int:
        wanted = TopicPartition(source.topic, source.partition, max(timestamp_ms, 0))
        [found] = calling(
            "look up an offset by time",
            lambda: self._consumer.offsets_for_times([wanted], timeout=self._broker.timeout_s),
        )
        low, high = calling(
            "look up the oldest offset",
            lambda: self._consumer.get_watermark_offsets(
                TopicPartition(source.topic, source.partition), timeout=self._broker.timeout_s
            ),
        )
        # A broker that cannot look up by time answers nothing sensible: the whole partition is read then.
        return int(found.offset) if found.error is None and low <= found.offset <= high else int(low)

    def pause(self, sources: Collection[Source]) -> None:
        # What comes meanwhile is not seen; librdkafka tells of the end again when reading goes on.
        self._ends.difference_update(sources)
        self._consumer.pause(_partitions(sources))

    def resume(self, sources: Collection[Source]) -> None:
        self._consumer.resume(_partitions(sources))

    def caught_up(self) -> frozenset[Source]:
        return frozenset(self._ends)

    def lag(self) -> Mapping[Source, int]:
        lags = {}
        for source, position in self._positions.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(source.topic, source.partition), cached=True)
            lags[source] = 0 if source in self._ends else max(high - position, 0)
        return lags

    def close(self) -> None:
        """Leaves the group, after `revoked` was called for what is left.

        An assignment that comes while librdkafka closes asks its group, which may be gone already, and waits for ever.
        So the membership is ended first, while everything still answers.
        """
        self._closing = True
        calling("unsubscribe", self._consumer.unsubscribe)
        deadline_s = time.monotonic() + self._broker.timeout_s
        self._consumer.poll(0)  # an assignment that was on its way
        while self._consumer.assignment() and time.monotonic() < deadline_s:
            self._consumer.poll(CLOSE_POLL_S)
        self._consumer.close()

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        if self._closing:
            # What is assigned now is revoked at once.
            self._assign(consumer, assigned)
            return
        self._absence.end()
        committed = self._committed(consumer, assigned)
        starts = self._listener.assigned(committed)
        for source, start in starts.items():
            self._positions[source] = start or 0
        self._assign(
            consumer,
            [
                TopicPartition(source.topic, source.partition, OLDEST if start is None else start)
                for source, start in starts.items()
            ],
        )

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._cooperative:
            consumer.incremental_assign(partitions)
        else:
            consumer.assign(partitions)

    def _committed(self, consumer: Consumer, assigned: list[TopicPartition]) -> dict[Source, Position | None]:
        if not assigned:
            return {}
        deadline_s = time.monotonic() + self._broker.timeout_s
        found = calling(
            "read committed offsets",
            lambda: consumer.committed(assigned, timeout=deadline_s - time.monotonic()),
        )
        committed: dict[Source, Position | None] = {}
        for partition in found:
            if partition.error:
                raise translated(partition.error, f"read committed offset of {partition.topic}")
            source = Source(partition.topic, partition.partition)
            known = partition.offset >= 0
            committed[source] = Position(partition.offset, partition.metadata or "") if known else None
        return committed

    def _on_revoke(self, _: Consumer, revoked: list[TopicPartition]) -> None:
        sources = [Source(p.topic, p.partition) for p in revoked]
        self._listener.revoked(sources)
        self._forget(sources)

    def _on_lost(self, _: Consumer, lost: list[TopicPartition]) -> None:
        sources = [Source(p.topic, p.partition) for p in lost]
        self._listener.lost(sources)
        self._forget(sources)
        self._absence.begin()

    def _forget(self, sources: Sequence[Source]) -> None:
        self._moved.update(sources)
        for source in sources:
            self._positions.pop(source, None)
            self._ends.discard(source)


def _partitions(sources: Collection[Source]) -> list[TopicPartition]:
    return [TopicPartition(source.topic, source.partition) for source in sources]
