"""Topics: created once by whoever sets the cluster up, required by every service."""

import os
import sys
import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from josefine_kafka.broker_environment import broker_at, named_servers
from josefine_kafka.connection import Broker, calling
from josefine_stage.errors import BrokerError, ConfigurationError, StageError
from josefine_wire.topics import TOPICS, TopicSpec

PROBE_TOPIC = "josefine.probe"
"""One small topic on which services test the broker's transactions at start."""
HOUR_MS = 3_600_000


def create_topics(broker: Broker, partitions: int, replication: int = 1) -> None:
    """Creates the topics that are missing and leaves the others as they are.

    Raises:
        StageError: the broker did not answer in time, or refused.
    """
    admin = _admin(broker)
    deadline_s = time.monotonic() + broker.timeout_s
    _wait_for_broker(admin, broker.bootstrap_servers, deadline_s)
    specs = [_new(spec, partitions, replication) for spec in TOPICS]
    specs.append(NewTopic(PROBE_TOPIC, 1, replication, config={"retention.ms": str(HOUR_MS)}))
    waits = {"operation_timeout": broker.timeout_s, "request_timeout": broker.timeout_s}
    for name, done in admin.create_topics(specs, **waits).items():
        try:
            done.result(max(deadline_s - time.monotonic(), 1.0))
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise BrokerError(f"create topic {name}: {error.args[0].str()}") from error
    require_topics(broker)


def require_topics(broker: Broker) -> None:
    """Returns when every topic of josefine_wire.topics exists.

    Raises:
        ConfigurationError: some are missing after the broker's deadline; the message names them.
        BrokerError: no broker answered.
    """
    admin = _admin(broker)
    deadline_s = time.monotonic() + broker.timeout_s
    _wait_for_broker(admin, broker.bootstrap_servers, deadline_s)
    wanted = {spec.name for spec in TOPICS}
    while True:
        have = calling("list topics", lambda: admin.list_topics(timeout=broker.timeout_s)).topics
        missing = wanted - set(have)
        if not missing:
            return
        if time.monotonic() > deadline_s:
            raise ConfigurationError(
                f"topics missing at {broker.bootstrap_servers}: {', '.join(sorted(missing))};"
                " create them with: python -m josefine_kafka.admin"
            )
        admin.poll(0.2)


def _new(spec: TopicSpec, partitions: int, replication: int) -> NewTopic:
    config = {
        "retention.ms": str(spec.retention_hours * HOUR_MS),
        "max.message.bytes": str(spec.max_message_bytes),
        # Records come compressed by the producer and stay so.
        "compression.type": "producer",
    }
    return NewTopic(spec.name, partitions, replication, config=config)


def _admin(broker: Broker) -> AdminClient:
    return calling("admin client", lambda: AdminClient(broker.properties()))


def _wait_for_broker(admin: AdminClient, servers: str, deadline_s: float) -> None:
    while True:
        try:
            admin.list_topics(timeout=2.0)
        except KafkaException as error:
            if time.monotonic() > deadline_s:
                raise BrokerError(
                    f"no broker answers at {servers} ({error.args[0].str()}); "
                    "is it running, is KAFKA_BOOTSTRAP_SERVERS right?"
                ) from error
        else:
            return


def main() -> int:
    """Creates the topics. From the environment: JOSEFINE_PARTITIONS, JOSEFINE_REPLICATION, and broker_environment.py's.

    Returns the exit status.
    """
    try:
        broker = broker_at(named_servers() or "127.0.0.1:9092", timeout_s=120.0)
        partitions = int(os.environ.get("JOSEFINE_PARTITIONS", "4"))
        replication = int(os.environ.get("JOSEFINE_REPLICATION", "1"))
        create_topics(broker, partitions, replication)
    except (StageError, ValueError) as error:
        print(f"josefine: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
