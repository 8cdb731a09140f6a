"""What librdkafka tells of a consumer's place in its group."""

import struct
from typing import Final

from josefine_stage.errors import BrokerError, UnitAbortedError

FORMAT: Final = struct.Struct("<7si")
"""How rd_kafka_consumer_group_metadata_write begins: magic, generation. Names follow."""
MAGIC: Final = b"CGMDv2:"


def generation_of(group_metadata: bytes) -> int:
    """Returns the group's generation; -1: not a member.

    Raises:
        BrokerError: librdkafka writes it in another way now.
    """
    magic, generation = FORMAT.unpack_from(group_metadata)
    if magic != MAGIC:
        raise BrokerError(f"group metadata of another format than {MAGIC.decode()}")
    return int(generation)


def require_membership(generation: int) -> None:
    """Returns for a member.

    A commit without a generation is for programs that belong to no group: a broker takes it from anybody while the
    group is empty, also from one that was thrown out of it.

    Raises:
        UnitAbortedError: the group goes on without this process.
    """
    if generation < 0:
        raise UnitAbortedError("this process is no member of its group any more")
