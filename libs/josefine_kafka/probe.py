"""A check at start that the broker's transactions are real: an aborted record must stay unseen."""

import time
import uuid

from confluent_kafka import Consumer, TopicPartition

from josefine_kafka.admin import PROBE_TOPIC
from josefine_kafka.connection import Broker, calling
from josefine_kafka.writers import AcknowledgedWriter
from josefine_stage.errors import BrokerError, ConfigurationError


def require_transactions(broker: Broker) -> None:
    """Returns when a read_committed reader saw a committed record and not the aborted one before it.

    Raises:
        ConfigurationError: it saw the aborted one: exactly-once cannot hold here.
        BrokerError: the broker did not answer within its deadline.
    """
    nonce = uuid.uuid4().hex
    consumer = calling(
        "probe reader",
        lambda: Consumer(
            broker.properties(
                group_id=f"josefine-probe-{nonce}", isolation_level="read_committed", enable_auto_commit=False
            )
        ),
    )
    try:
        partition = TopicPartition(PROBE_TOPIC, 0)
        _, high = calling("probe offsets", lambda: consumer.get_watermark_offsets(partition, timeout=broker.timeout_s))
        consumer.assign([TopicPartition(PROBE_TOPIC, 0, high)])
        _write(broker, nonce)
        if b"aborted" in _seen(consumer, broker, nonce):
            raise ConfigurationError(
                f"the broker at {broker.bootstrap_servers} shows aborted records to read_committed readers:"
                " exactly-once cannot hold on it; set JOSEFINE_DELIVERY=at_least_once (readers drop repeated ids)"
                " or use Apache Kafka"
            )
    finally:
        consumer.close()


def _write(broker: Broker, nonce: str) -> None:
    writer = AcknowledgedWriter(broker, transactional_id=f"josefine-probe-{nonce}")
    producer = writer.producer
    calling("probe transactions", lambda: producer.init_transactions(broker.timeout_s))
    for outcome, finish in (
        (b"aborted", producer.abort_transaction),
        (b"committed", producer.commit_transaction),
    ):
        calling("probe transaction", producer.begin_transaction)
        writer.send(PROBE_TOPIC, nonce.encode(), outcome)
        producer.flush(broker.timeout_s)
        calling("probe transaction", lambda finish=finish: finish(broker.timeout_s))  # type: ignore[misc]


def _seen(consumer: Consumer, broker: Broker, nonce: str) -> set[bytes]:
    """Returns the values of this probe up to the committed one."""
    deadline_s = time.monotonic() + broker.timeout_s
    seen: set[bytes] = set()
    while b"committed" not in seen:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None and message.key() == nonce.encode():
            seen.add(message.value() or b"")
        if time.monotonic() > deadline_s:
            raise BrokerError(f"a committed probe record was not seen within {broker.timeout_s:.0f} s")
    return seen
