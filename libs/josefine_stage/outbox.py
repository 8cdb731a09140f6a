"""What a stage writes: outputs and dead letters into the open unit of work, interims beside it."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import structlog

from josefine_stage.clock import Clock
from josefine_stage.dead_letters import FailureLimit, dead_letter
from josefine_stage.handler import Output, Rejection, Source
from josefine_stage.metrics import StageMetrics
from josefine_stage.ports import LooseWriter, Position, RawRecord, UnitOfWork
from josefine_wire import topics
from josefine_wire.codec import encode

log = structlog.get_logger()


class Outbox:
    """The open unit of work and the loose lane of one stage."""

    def __init__(
        self, stage: str, unit: UnitOfWork, loose: LooseWriter, limit: FailureLimit, clock: Clock, metrics: StageMetrics
    ) -> None:
        self._stage = stage
        self._unit = unit
        self._loose = loose
        self._limit = limit
        self._clock = clock
        self._metrics = metrics
        self._since_s: float | None = None
        self._counter: Final = cache(metrics.outputs.labels)
        """Of a topic: prometheus_client looks labels up anew each time, for as long as it takes to write a record."""

    @property
    def open(self) -> bool:
        """Whether outputs wait for a commit."""
        return self._since_s is not None

    def waited_s(self) -> float:
        """Returns how long the oldest output has waited."""
        return 0.0 if self._since_s is None else self._clock.monotonic_s() - self._since_s

    def write(self, outputs: Sequence[Output]) -> None:
        """Adds outputs to the open unit.

        Raises:
            WireError: one does not fit its schema; none was added.
        """
        encoded = [encode(output.topic, output.record) for output in outputs]
        for output, value in zip(outputs, encoded, strict=True):
            if self._since_s is None:
                self._since_s = self._clock.monotonic_s()
            self._unit.send(output.topic, output.key.encode(), value)
            self._counter(output.topic).inc()

    def abort(self) -> None:
        """Drops what was written since the last commit, as far as the broker can."""
        self._since_s = None
        self._unit.abort()

    def write_loose(self, outputs: Sequence[Output]) -> None:
        """Sends outputs that may repeat or be lost."""
        for output in outputs:
            self._loose.send(output.topic, output.key.encode(), encode(output.topic, output.record))
            self._counter(output.topic).inc()

    def bury(self, raw: RawRecord, key: str, rejection: Rejection, session_id: str | None) -> None:
        """Adds a dead letter to the open unit.

        Raises:
            TooManyDeadLettersError: more sessions fail than single bad ones would explain.
        """
        letter = dead_letter(self._stage, raw, rejection, session_id, int(self._clock.epoch_s() * 1000))
        left_out = raw.key is not None and letter["key"] is None
        self.write([Output(topics.DEAD_LETTERS, letter["id"] if left_out else key, letter)])
        self._metrics.dead_letters.labels(rejection.code).inc()
        log.warning(
            "record_dead_lettered",
            code=rejection.code,
            reason=rejection.reason,
            session=session_id,
            partition=raw.source.partition,
            offset=raw.offset,
        )
        if not rejection.expected:
            self._limit.count(raw.key or letter["id"].encode(), self._clock.monotonic_s())

    def commit(self, positions: Mapping[Source, Position]) -> None:
        """Makes the open unit and the positions durable.

        Raises:
            UnitAbortedError: nothing of it is visible; replay.
        """
        self._since_s = None
        with self._metrics.commits.time():
            self._unit.commit(positions)
