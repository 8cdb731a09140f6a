"""Whether this process may still write: the store says who came later, Kafka who is right."""

from collections.abc import Callable
from typing import Final

from josefine_stage.epoch import PRODUCER_EPOCHS
from josefine_stage.errors import ConfigurationError, StoreFencedError

EPOCHS_BEGAN_ANEW: Final = (
    "yet the broker takes this process for the owner: its consumer group was deleted, or the store belongs to another"
    " cluster. Name another Redis database in REDIS_URL, or remove Josefine's keys (josefine:*) from this one"
)


class Standing:
    """The epoch of this process, and what is in dispute about it. One thread.

    A process that was replaced is refused by the store, and learns from Kafka that it lost its partitions. Where Kafka
    takes a commit of the very generation that the store has refused, the epochs themselves have gone back.
    """

    def __init__(self, epoch: Callable[[], int]) -> None:
        self._epoch = epoch
        self._refused: tuple[int, str] | None = None

    @property
    def epoch(self) -> int:
        """The present epoch (epoch.py)."""
        return self._epoch()

    @property
    def disputed(self) -> bool:
        """Whether the store has refused this process, and Kafka has not been asked since."""
        return self._refused is not None

    def refused(self, error: StoreFencedError) -> None:
        """Notes that the store has given or taken nothing."""
        self._refused = (self._epoch(), str(error))

    def confirmed(self) -> None:
        """Notes that Kafka took a commit.

        Raises:
            ConfigurationError: of a generation that the store has refused.
        """
        refused, self._refused = self._refused, None
        if refused and refused[0] // PRODUCER_EPOCHS == self._epoch() // PRODUCER_EPOCHS:
            raise ConfigurationError(f"{refused[1]}; {EPOCHS_BEGAN_ANEW}")

    def lost(self) -> None:
        """Notes that partitions are with another process: the store was right."""
        self._refused = None
