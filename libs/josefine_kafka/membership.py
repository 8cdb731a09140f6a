"""What librdkafka and the broker tell of a consumer's place in its group."""

import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from josefine_kafka.connection import Broker, calling, insisting
from josefine_stage.errors import BrokerError, StageError, UnitAbortedError

FORMAT: Final = struct.Struct("<7si")
"""How rd_kafka_consumer_group_metadata_write begins: magic, generation. Names follow."""
MAGIC: Final = b"CGMDv2:"
ANSWER_S: Final = 5.0
"""For a question that a start does not depend on."""
PAUSE_S: Final = 0.2
COORDINATOR_MOVES: Final = frozenset(
    {KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR}
)


BACK_S: Final = 30.0
"""For a member that its group has lost to be back: it joins again as soon as a broker answers."""
AGAIN_S: Final = 5.0


class Absence:
    """A member that its group has lost has to come back by itself. After a broker that died librdkafka's consumer does
    not always: one was polled for twenty minutes, with the group empty and all brokers there. One thread.
    """

    def __init__(
        self, members: Callable[[], Sequence[str | None]], name: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args:
        members: the names of the group's members; StageError: the broker does not say.
        name: the member's; None: it has none.
        clock: seconds.
        """
        self._members: Final = members
        self._name: Final = name
        self._clock: Final = clock
        self._ask_at_s: float | None = None

    def begin(self) -> None:
        """The group has lost the member."""
        self._ask_at_s = self._clock() + BACK_S

    def end(self) -> None:
        """It has an assignment."""
        self._ask_at_s = None

    def check(self) -> None:
        """Returns for a member that is there, may still come, or whose group does not answer.

        Raises:
            BrokerError: it does not come back. A new process does.
        """
        if self._ask_at_s is None or self._clock() < self._ask_at_s:
            return
        self._ask_at_s = self._clock() + AGAIN_S
        try:
            names = self._members()
        except StageError:
            return
        if self._name not in names if self._name is not None else not names:
            raise BrokerError("the group answers, but the Kafka client does not come back to it")


def generation_of(group_metadata: bytes) -> int:
    """Returns the group's generation; -1: not a member.

    Raises:
        BrokerError: librdkafka writes it in another way now.
    """
    magic, generation = FORMAT.unpack_from(group_metadata)
    if magic != MAGIC:
        raise BrokerError(f"group metadata of another format than {MAGIC.decode()}")
    return int(generation)


def group_of(group_metadata: bytes) -> str:
    """Returns the group's name."""
    return group_metadata[FORMAT.size :].partition(b"\0")[0].decode()


def members(broker: Broker, group: str) -> list[str | None]:
    """Returns the names of the group's members, None for one that has none.

    Raises:
        StageError: the broker does not say.
    """
    admin = calling("admin client", lambda: AdminClient(broker.properties()))
    described = insisting(
        f"describe the group {group}",
        time.monotonic() + min(broker.timeout_s, ANSWER_S),
        lambda left_s: admin.describe_consumer_groups([group], request_timeout=left_s)[group].result(),
        lambda error: error.code() in COORDINATOR_MOVES,
        PAUSE_S,
    )
    return [member.group_instance_id for member in described.members]


def require_membership(generation: int) -> None:
    """Returns for a member.

    A commit without a generation is for programs that belong to no group: a broker takes it from anybody while the
    group is empty, also from one that was thrown out of it.

    Raises:
        UnitAbortedError: the group goes on without this process.
    """
    if generation < 0:
        raise UnitAbortedError("this process is no member of its group any more")
