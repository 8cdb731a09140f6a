"""Where the partitions of a topic stand in a cluster, and who leads them: for tests that break the leader."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import ElectionType, KafkaError
from confluent_kafka.admin import AdminClient

from josefine_kafka.connection import Broker, calling
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


def placement_of(broker: Broker, topic: str, partition: int = 0) -> Placement:
    """Returns what the cluster says now: for a few seconds after a node has died it still names it.

    Raises:
        BrokerError: no broker answered, or there is no such partition.
    """
    return _placement(_admin(broker), broker, topic, partition)


def await_placement(broker: Broker, topic: str, partition: int, wanted: Callable[[Placement], bool]) -> Placement:
    """Returns the placement as soon as it is as `wanted`.

    Raises:
        BrokerError: it is not within the broker's deadline, or no broker answered.
    """
    admin, deadline_s = _admin(broker), time.monotonic() + broker.timeout_s
    while not wanted(found := _placement(admin, broker, topic, partition)):
        if time.monotonic() > deadline_s:
            raise BrokerError(f"{topic}/{partition} is still at {found} after {broker.timeout_s:.0f} s")
        admin.poll(PATIENCE_S)
    return found


def elect_preferred_leaders(broker: Broker) -> None:
    """Gives every partition back to its preferred leader where that is in sync: no node stops for it.

    Raises:
        BrokerError: no broker answered, or the election was refused.
    """
    admin = _admin(broker)
    elected = calling("elect", lambda: admin.elect_leaders(ElectionType.PREFERRED).result(broker.timeout_s))
    for partition, error in elected.items():
        if error is not None and error.args[0].code() != KafkaError.ELECTION_NOT_NEEDED:
            raise BrokerError(f"elect a leader of {partition.topic}/{partition.partition}: {error.args[0].str()}")


def _placement(admin: AdminClient, broker: Broker, topic: str, partition: int) -> Placement:
    listed = calling("list topics", lambda: admin.list_topics(topic, timeout=broker.timeout_s)).topics
    found = listed[topic].partitions.get(partition)
    if found is None:
        raise BrokerError(f"there is no {topic}/{partition}")
    return Placement(found.leader, tuple(found.replicas), frozenset(found.isrs))


def _admin(broker: Broker) -> AdminClient:
    return calling("admin client", lambda: AdminClient(broker.properties()))
