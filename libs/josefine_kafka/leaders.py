"""Where the partitions of a topic stand in a cluster, and who leads them: for tests that break the leader."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import ElectionType, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from josefine_kafka.connection import Broker, calling, insisting
from josefine_stage.errors import BrokerError

PATIENCE_S = 0.1
"""Between two looks."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The nodes of one partition, by their ids."""

    leader: int
    """-1: nobody."""
    replicas: tuple[int, ...]
    """The first is the preferred leader."""
    in_sync: frozenset[int]


def await_placement(broker: Broker, topic: str, partition: int, wanted: Callable[[Placement], bool]) -> Placement:
    """Returns the placement as soon as it is as `wanted`. A node that has died is named for a few seconds more.

    Raises:
        BrokerError: it is not within the broker's deadline, there is no such partition, or no broker answered.
    """
    admin, deadline_s = _admin(broker), time.monotonic() + broker.timeout_s
    while (found := _placement(admin, broker, topic, partition)) is None or not wanted(found):
        if time.monotonic() > deadline_s:
            where = found or "unknown"
            raise BrokerError(f"{topic}/{partition} is still {where} after {broker.timeout_s:.0f} s")
        admin.poll(PATIENCE_S)
    return found


def elect_preferred_leaders(broker: Broker) -> None:
    """Gives every partition back to its preferred leader as soon as that is in sync: no node stops for it.

    Raises:
        BrokerError: one is not within the broker's deadline, no broker answered, or the election was refused.
    """
    admin = _admin(broker)
    insisting(
        "elect leaders",
        time.monotonic() + broker.timeout_s,
        lambda left_s: _elect(admin, left_s),
        lambda error: error.code() == KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
        PATIENCE_S,
    )


def _elect(admin: AdminClient, timeout_s: float) -> None:
    try:
        # confluent_kafka 2.16.1 answers its own request_timeout with a SystemError.
        elected = admin.elect_leaders(ElectionType.PREFERRED).result(timeout_s)
    except TimeoutError as late:
        raise BrokerError(f"elect leaders: no answer in the last {timeout_s:.1f} s of the deadline") from late
    for error in elected.values():
        if error is not None and error.code() != KafkaError.ELECTION_NOT_NEEDED:
            raise KafkaException(error)


def _placement(admin: AdminClient, broker: Broker, topic: str, partition: int) -> Placement | None:
    """Returns None where the broker that answers has not heard of the partition yet."""
    listed = calling("list topics", lambda: admin.list_topics(topic, timeout=broker.timeout_s)).topics
    found = listed[topic].partitions.get(partition)
    return Placement(found.leader, tuple(found.replicas), frozenset(found.isrs)) if found else None


def _admin(broker: Broker) -> AdminClient:
    return calling("admin client", lambda: AdminClient(broker.properties()))
