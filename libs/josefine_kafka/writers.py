"""Writers of the stage runtime: units of work with and without transactions, and the loose lane."""

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from josefine_kafka.call_limit import CallLimit
from josefine_kafka.connection import FENCED, Broker, calling, insisting, translated
from josefine_kafka.membership import generation_of, group_of, members, require_membership
from josefine_stage.errors import BrokerError, StageError, UnitAbortedError
from josefine_stage.handler import Source
from josefine_stage.ports import Position
from josefine_wire.topics import MAX_RECORD_BYTES

IDLE_CONNECTION_MS: Final = 4_000
"""A call that waits for a coordinator which has left the cluster looks for the next one when any connection changes
(https://github.com/confluentinc/librdkafka/issues/5511). While it waits, all of them are idle: so they are closed soon.
"""
STATISTICS_MS: Final = 500
"""librdkafka tells them while it is polled; only the first are read."""
log = structlog.get_logger()


Compression = Literal["lz4", "none"]


class AcknowledgedWriter:
    """Sends records and knows which were refused. An idempotent producer: no duplicates, no holes. One thread.

    Also a LooseWriter of the stage runtime.
    """

    def __init__(self, broker: Broker, compression: Compression = "lz4", **more: Any) -> None:
        """`compression`: lz4 halves text; sound and features it makes 1 % smaller at best, in as much time as sending
        them takes, and whoever reads them, the broker too, has to undo it.
        """
        self._broker = broker
        self._refused: KafkaError | None = None
        self._producer = calling(
            "producer",
            lambda: Producer(
                broker.properties(
                    enable_idempotence=True,
                    acks="all",
                    delivery_report_only_error=True,
                    linger_ms=2,
                    compression_type=compression,
                    message_max_bytes=MAX_RECORD_BYTES,
                    queue_buffering_max_kbytes=16 * 1024,
                    delivery_timeout_ms=int(broker.timeout_s * 1000),
                    **more,
                )
            ),
        )

    @property
    def producer(self) -> Producer:
        """The librdkafka producer, for this package."""
        return self._producer

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Queues a record; waits only while the queue is full.

        Raises:
            BrokerError: the queue stayed full past the deadline.
            UnitAbortedError: a transaction is open of which a record was refused.
            FencedError: another process has this one's name.
        """
        deadline_s = time.monotonic() + self._broker.timeout_s
        # Most records have no headers, and librdkafka would make an empty list for each.
        named: dict[str, Any] = {"headers": dict(headers)} if headers else {}
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, on_delivery=self._delivered, **named)
            except BufferError as error:
                if time.monotonic() > deadline_s:
                    raise BrokerError(
                        f"write {topic}: the send queue stayed full for {self._broker.timeout_s:.0f} s"
                    ) from error
                self._producer.poll(0.05)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if cause.code() == KafkaError._STATE:
                    # librdkafka's transaction can only be aborted, since a record before this one was refused.
                    raise UnitAbortedError(f"write {topic}: {cause.str()}") from error
                raise translated(cause, f"write {topic}") from error
            else:
                self.serve()
                return

    def flush(self, timeout_s: float) -> None:
        waiting = calling("write records", lambda: self._producer.flush(timeout_s))
        refused, self._refused = self._refused, None
        if refused is not None:
            raise translated(refused, "write records")
        if waiting:
            raise BrokerError(f"{waiting} records were not acknowledged within {timeout_s:.0f} s")

    def serve(self) -> None:
        """Takes what librdkafka has to tell (errors, statistics), which it keeps without limit until it is asked.

        Raises:
            FencedError: another process has this one's name.
        """
        calling("serve the producer", lambda: self._producer.poll(0))

    def abandon(self) -> None:
        """Drops what is not acknowledged, whether it was sent or not, and waits for nothing."""
        self._producer.purge()
        self._producer.poll(0)

    def close(self) -> None:
        try:
            waiting = self._producer.flush(self._broker.timeout_s)
        except KafkaException as error:
            # A producer that was fenced has nothing to send any more; who closes it knows.
            log.warning("records_not_acknowledged_at_close", reason=error.args[0].str())
            return
        except SystemError as error:
            # confluent-kafka raises this where librdkafka tells of a fatal error, such as a fence, during the call.
            log.warning("records_not_acknowledged_at_close", reason=str(error))
            return
        if waiting:
            log.warning("records_not_acknowledged_at_close", records=waiting)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        """Called for what was refused alone: to be told of all that is well costs a copy of each record."""
        if error is not None and self._refused is None:
            self._refused = error


class AtLeastOnceUnit:
    """Outputs first, acknowledged; then the offsets. Readers drop repeated ids."""

    def __init__(
        self,
        broker: Broker,
        commit_offsets: Callable[[Mapping[Source, Position]], None],
        compression: Compression = "lz4",
    ) -> None:
        self._timeout_s = broker.timeout_s
        self._limit = CallLimit(2 * broker.timeout_s)
        self._writer = AcknowledgedWriter(broker, compression)
        self._commit_offsets = commit_offsets

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        self._writer.send(topic, key, value)

    def commit(self, positions: Mapping[Source, Position]) -> None:
        with self._limit.on("commit offsets"):
            self._writer.flush(self._timeout_s)
            if positions:
                self._commit_offsets(positions)

    @property
    def producer_epoch(self) -> int:
        return 0

    def abort(self) -> None:
        """What was sent cannot be taken back; the replay repeats it under the same ids."""

    def serve(self) -> None:
        self._writer.serve()

    def close(self) -> None:
        self._writer.close()
        self._limit.close()


class TransactionalUnit:
    """Outputs and offsets in one transaction of the broker (KIP-98, KIP-447)."""

    def __init__(
        self,
        broker: Broker,
        transactional_id: str,
        group_metadata: Callable[[], Any],
        compression: Compression = "lz4",
    ) -> None:
        """Fences the former life of this transactional id and ends what it left open.

        Raises:
            StageError: the coordinator did not answer within the deadline.
        """
        self._timeout_s = broker.timeout_s
        self._limit = CallLimit(broker.timeout_s, self._coordinator_answers)
        self._broker = broker
        self._group_metadata = group_metadata
        self._sending_for = ""
        """The group whose offsets are being sent."""
        self._open = False
        self._spoilt: UnitAbortedError | None = None
        """Why the open unit can only be aborted, once a record of it was refused."""
        self._producer_epoch: int | None = None
        self._writer = AcknowledgedWriter(
            broker,
            compression,
            transactional_id=transactional_id,
            transaction_timeout_ms=int(broker.timeout_s * 1000),
            connections_max_idle_ms=IDLE_CONNECTION_MS,
            statistics_interval_ms=STATISTICS_MS,
            stats_cb=self._note_epoch,
        )
        calling("begin transactions", lambda: self._writer.producer.init_transactions(broker.timeout_s))
        self._wait_for_epoch()

    @property
    def producer_epoch(self) -> int:
        return self._producer_epoch or 0

    def _wait_for_epoch(self) -> None:
        """Returns when librdkafka has told the epoch that init_transactions got: its statistics alone have it."""
        deadline_s = time.monotonic() + self._timeout_s
        while self._producer_epoch is None:
            if time.monotonic() > deadline_s:
                raise BrokerError(f"the producer's epoch is not known after {self._timeout_s:.0f} s")
            self._writer.producer.poll(0.1)

    def _note_epoch(self, statistics: str) -> None:
        # Later ones can only be higher, by errors that the producer has recovered from; the first one orders processes.
        if self._producer_epoch is None:
            found = json.loads(statistics)["eos"]
            if found["producer_id"] >= 0:
                self._producer_epoch = found["producer_epoch"]

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        if self._spoilt is not None:
            return
        self._begin()
        try:
            self._writer.send(topic, key, value)
        except UnitAbortedError as error:
            self._spoilt = error

    def _begin(self) -> None:
        if not self._open:
            calling("begin a transaction", self._writer.producer.begin_transaction)
            self._open = True

    def commit(self, positions: Mapping[Source, Position]) -> None:
        if self._spoilt is not None:
            error = self._spoilt
            self.abort()
            raise error
        self._begin()
        deadline_s = time.monotonic() + self._timeout_s
        offsets = [TopicPartition(s.topic, s.partition, p.offset, p.metadata) for s, p in positions.items()]
        producer = self._writer.producer
        try:
            if offsets:
                metadata = self._group_metadata()
                require_membership(generation_of(metadata))
                self._sending_for = group_of(metadata)
                send_offsets = partial(producer.send_offsets_to_transaction, offsets, metadata)
                try:
                    self._until(deadline_s, "send offsets", send_offsets)
                finally:
                    self._sending_for = ""
            self._until(deadline_s, "commit the transaction", producer.commit_transaction)
        except UnitAbortedError:
            self.abort()
            raise
        except StageError:
            # There is nothing that this process could still end; the next one of its name does.
            self._open = False
            raise
        self._open = False

    def _coordinator_answers(self) -> bool:
        """Returns whether the coordinator of the group whose offsets are being sent answers somebody else.

        While it does not, a new process could do no more than this one.
        """
        group = self._sending_for
        if not group:
            return False
        try:
            members(self._broker, group)
        except StageError as error:
            log.info("group_not_described", group=group, error=str(error))
            return False
        return True

    def _until(self, deadline_s: float, doing: str, call: Callable[[float], None]) -> None:
        def watched(left_s: float) -> None:
            with self._limit.on(doing):
                call(left_s)

        insisting(doing, deadline_s, watched, _repeatable)

    def abort(self) -> None:
        self._spoilt = None
        if self._open:
            self._open = False
            with self._limit.on("abort the transaction"):
                calling("abort the transaction", lambda: self._writer.producer.abort_transaction(self._timeout_s))

    def serve(self) -> None:
        self._writer.serve()

    def close(self) -> None:
        self.abort()
        self._writer.close()
        self._limit.close()


def _repeatable(error: KafkaError) -> bool:
    """Whether a call of a transaction may be repeated (KIP-360)."""
    return error.retriable() and error.code() not in FENCED
