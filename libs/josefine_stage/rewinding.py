"""Taking partitions back: their state is dropped, and they are read again."""

from collections.abc import Callable
from typing import Any

import structlog

from josefine_stage.books import Books
from josefine_stage.handler import Handler, Source
from josefine_stage.metrics import StageMetrics

log = structlog.get_logger()


class Rewinder:
    """Takes partitions back. Called from the loop's thread."""

    def __init__(
        self, handler: Handler[Any], books: Books, seek: Callable[[Source, int], None], metrics: StageMetrics
    ) -> None:
        self._handler = handler
        self._books = books
        self._seek = seek
        self._metrics = metrics

    def replay(self, source: Source, reason: str) -> None:
        """Takes a partition back to its last commit."""
        self._rewind(source, self._books.partitions[source].reopened().replay_from, reason)

    def replay_all(self, reason: str) -> None:
        """Takes every partition back to its last commit."""
        for source in list(self._books.partitions):
            self.replay(source, reason)

    def go_back(self, source: Source, offset: int) -> None:
        """Reads a partition again from where the state of one of its sessions can be rebuilt. Commit before."""
        earliest_needed = self._books.partitions[source].reopened().replay_from
        self._rewind(source, min(offset, earliest_needed), "session_state_missing")

    def _rewind(self, source: Source, offset: int, reason: str) -> None:
        """Drops the partition's state and reads it again from `offset`; what is durable is not written again."""
        log.warning("partition_rewound", partition=source.partition, offset=offset, reason=reason)
        self._metrics.rewinds.labels(reason).inc()
        partition = self._books.partitions[source].reopened()
        self._handler.forget(self._books.give_up(source))
        partition.replay_from = min(partition.replay_from, offset)
        partition.read_from = offset
        self._books.put(partition)
        self._seek(source, offset)
