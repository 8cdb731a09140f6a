"""The epoch of a stage's process: who came later. From Kafka, which decides who owns a partition; never from the store.

A partition changes hands with a new generation of its consumer group. A process that is restarted under its old name
takes its partitions up in the same generation (KIP-345); the transactional producer of that name has a higher epoch
then (KIP-98). So the pair of both orders all processes that ever had a partition.
"""

from typing import Final

PRODUCER_EPOCHS: Final = 1 << 15
"""A producer epoch is below this; beyond it Kafka gives a new producer id."""


def epoch(generation: int, producer_epoch: int) -> int:
    """Returns the pair as one number, in order; negative while the process is no member of its group."""
    return generation * PRODUCER_EPOCHS + producer_epoch
