"""The loop that every stage shares: poll -> decode -> handle -> produce -> snapshot -> commit.

Order of a unit of work, which is the delivery guarantee:
1. records are read; 2. the handler advances and gives outputs; 3. outputs are written into the open unit;
4. outputs and offsets become durable together (exactly-once) or in this order (at-least-once);
5. snapshots are stored at any time, that of an end when 4 has passed it: each is named by the offset it belongs to,
   and one that is newer than the committed offset is ignored by a restart. So no order between 4 and 5 can lose or
   repeat anything.

Everything here runs in one thread. The handler never waits for a device, so polling goes on.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import structlog

from josefine_stage.back_pressure import BackPressure
from josefine_stage.books import Books
from josefine_stage.dead_letters import FailureLimit
from josefine_stage.epoch import epoch
from josefine_stage.errors import ExhaustedError, StoreError, StoreFencedError, UnitAbortedError
from josefine_stage.handler import Handler, Input, Progress, Rejection, Source, Step, Turn
from josefine_stage.health import Health
from josefine_stage.metrics import StageMetrics
from josefine_stage.outbox import Outbox
from josefine_stage.partition import Partition
from josefine_stage.ports import (
    Ports,
    Position,
    RawRecord,
    Reader,
)
from josefine_stage.reading import read_record
from josefine_stage.restoring import Restorer
from josefine_stage.rewinding import Rewinder
from josefine_stage.rhythm import BUSY_POLL_S, Rhythm
from josefine_stage.running_time import RunningTime
from josefine_stage.sessions import SessionTable
from josefine_stage.settlement import Settlement
from josefine_stage.snapshots import Snapshots
from josefine_stage.standing import Standing
from josefine_stage.suspects import Suspects

IDLE_COMMIT_S = 1.0
"""Offsets that no output waits for are committed this seldom: nothing is lost, a restart replays a second more."""
_WRONG_PARTITION = Rejection(
    "wrong_partition", "its session's records are in another partition: all records of a key have to go to one"
)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """What the runtime needs of a stage's settings."""

    stage: str
    poll_records: int = 512
    commit_interval_s: float = 0.04
    snapshot_interval_s: float = 5.0
    drain_s: float = 10.0
    dead_letters_per_minute: int = 120


class Runtime:
    """Runs a handler. `run` blocks; `stop` is the only member that other threads may touch."""

    def __init__(
        self,
        handler: Handler[Any],
        ports: Ports,
        options: RuntimeOptions,
        metrics: StageMetrics,
        health: Health,
    ) -> None:
        self._handler = handler
        self._options = options
        self._ports, self._clock = ports, ports.clock
        self._running_time = RunningTime(ports.clock)
        self._metrics = metrics
        self._health = health
        self._sessions = SessionTable()
        self._books = Books(self._sessions, ports.clock)
        self._suspects = Suspects()
        self._standing = Standing(lambda: epoch(self._reader.generation(), ports.unit.producer_epoch))
        self._restorer = Restorer(handler, ports.store, self._standing, self._sessions)
        limit = FailureLimit(options.dead_letters_per_minute)
        self._outbox = Outbox(options.stage, ports.unit, ports.loose, limit, ports.clock, metrics)
        self._settlement = Settlement(self._books, self._outbox)
        self._snapshots = Snapshots(
            handler,
            ports.store,
            self._standing,
            self._books,
            self._sessions,
            options.snapshot_interval_s,
            ports.clock,
            metrics,
        )
        self._unopened: list[Input[Any]] = []
        """Read, and waiting for a store that does not answer."""
        self._committed_at_s = ports.clock.monotonic_s()
        self._rhythm = Rhythm(ports.clock, options.commit_interval_s)
        self._back_pressure = BackPressure(ports.clock)
        self._joined = False
        self._draining = False
        self._reader: Reader = ports.open_reader(self)
        self._rewinder = Rewinder(handler, self._books, self._reader.seek, metrics)

    # --- the loop -----------------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Turns until `stop`, then finishes what is in flight and leaves the group."""
        with ExitStack() as afterwards:
            for owner in (self._ports.store, self._handler, self._ports.loose, self._ports.unit):
                afterwards.callback(owner.close)
            try:
                while not stop.is_set():
                    self.turn()
                self._drain()
            except ExhaustedError:
                # What is done is committed, and the partitions go to others; what is not done is theirs.
                self._reader.close()
                raise
            self._reader.close()

    def turn(self) -> None:
        """One round of the loop."""
        self._rhythm.gather(busy=self._handler.busy())
        if self._back_pressure.waits:
            self._clock.wait(BUSY_POLL_S)
            records: Sequence[RawRecord] = ()
        else:
            records = self._reader.poll(self._options.poll_records, self._poll_timeout_s())
        self._rhythm.read(len(records), self._options.poll_records)
        self._take(records)
        step = self._collect()
        news = bool(records or step.progress or step.unasked or step.loose)
        self._rhythm.turned(news=news, patient=step.patient)
        self._commit_if_due()
        if not self._outbox.open:
            self._snapshots.sweep_if_due()
        self._back_pressure.regulate(self._reader, self._books.partitions, full=self._full())
        self._publish()

    def _poll_timeout_s(self) -> float:
        waited_s = self._outbox.waited_s() if self._outbox.open else None
        return self._rhythm.poll_timeout_s(busy=self._handler.busy(), outputs_waited_s=waited_s)

    def _full(self) -> bool:
        """Whether no more may be read: enough waits for the handler, for the store, or behind who waits for it."""
        most = self._options.poll_records
        behind = max((len(partition.waiting) for partition in self._books.partitions.values()), default=0)
        return self._handler.full() or len(self._unopened) >= most or (bool(self._unopened) and behind >= most)

    def _drain(self) -> None:
        """Finishes accepted records within the drain deadline; what is left is replayed by the next owner."""
        deadline_s = self._clock.monotonic_s() + self._options.drain_s
        self._draining = True
        while self._books and self._clock.monotonic_s() < deadline_s:
            # Each time: a rebalance adds partitions, and lifts the pause of the others.
            self._reader.pause(list(self._books.partitions))
            self._reader.poll(1, BUSY_POLL_S)
            self._collect()
            self._commit_if_due()
        log.info("drain_ended", unfinished_records=len(self._books))

    # --- reading ------------------------------------------------------------------------------------------

    def _take(self, records: Sequence[RawRecord]) -> None:
        if records:
            self._metrics.records.inc(len(records))
            self._metrics.batch.observe(len(records))
        read = [entry for raw in records if (entry := self._open(raw)) is not None]
        inputs, self._unopened = self._books.current([*self._unopened, *read]), []
        while inputs:
            result = self._restorer.restore(inputs, self._books.partitions, self._reader.offset_at)
            self._unopened += result.waiting
            for source, offset in result.rewind.items():
                self._commit()
                self._rewinder.go_back(source, offset)
            # Going back commits, and a commit that fails takes every partition back.
            for entry in self._books.current(result.known):
                self._settlement.finish(Progress(entry))
            for entry in self._books.current(result.misplaced):
                self._settlement.finish(Progress(entry, rejection=_WRONG_PARTITION))
            inputs = self._accept(self._books.current(result.fresh))

    def _open(self, raw: RawRecord) -> Input[Any] | None:
        partition = self._books.partitions.get(raw.source)
        if partition is None:
            return None
        partition.ledger.read(raw.offset)
        committed = partition.ledger.is_durable(raw.offset)
        key, record, problem = read_record(raw)
        entry = Input(raw.source, raw.offset, key, raw.timestamp_ms, record, committed)
        self._books.enter(entry, raw)
        condemned = self._suspects.condemned(raw.source, raw.offset)
        if condemned is not None:
            problem = Rejection("handler_failed", condemned)
        if problem is None:
            return entry
        self._settlement.finish(Progress(entry, rejection=problem))
        return None

    def _accept(self, inputs: Sequence[Input[Any]]) -> list[Input[Any]]:
        """Hands a batch to the handler; returns what is still to be handed over."""
        alone = next((i for i, entry in enumerate(inputs) if self._suspects.alone(entry.source, entry.offset)), None)
        cut = len(inputs) if alone is None else max(alone, 1)
        batch, rest = inputs[:cut], list(inputs[cut:])
        if not batch:
            return rest
        try:
            with self._metrics.handling.time():
                self._handler.accept(batch)
        except Exception as error:  # noqa: BLE001 - a handler's bug on one record must not stop all sessions
            self._blame(batch, error)
            return self._books.current(rest)
        self._sessions.heard(*(entry.key for entry in batch))
        return rest

    def _blame(self, batch: Sequence[Input[Any]], error: Exception) -> None:
        """Replays the batch's partitions one record at a time; a record that raises alone twice is condemned."""
        log.error("handler_raised", records=len(batch), error=type(error).__name__, exc_info=error)
        reason = f"the handler raised {type(error).__name__}"
        if len(batch) == 1:
            self._suspects.strike(batch[0].source, batch[0].offset, reason)
        last = {entry.source: entry.offset for entry in batch}
        for source, offset in last.items():
            self._suspects.suspect(source, offset)
        self._commit()
        for source in last:
            self._rewinder.replay(source, "handler_raised")

    # --- results ------------------------------------------------------------------------------------------

    def _collect(self) -> Step[Any]:
        """Takes what the handler has done, and returns it."""
        turn = Turn(self._running_time.turn(), self._caught_up())
        with self._metrics.handling.time():
            step = self._handler.advance(turn)
        self._outbox.write_loose(step.loose)
        self._outbox.write(step.unasked)
        for output in step.unasked:
            # A session has ended by itself, without a record: its snapshot has to say so.
            self._sessions.touch(output.key, output.record["session_id"])
        # A result may have come after the snapshot that was taken with its record still open, an end's too.
        self._sessions.touch(*(progress.input.key for progress in step.progress))
        for progress in step.progress:
            self._settlement.finish(progress)
        self._settlement.settle_waiting()
        return step

    def _caught_up(self) -> frozenset[Source]:
        """Returns the partitions that were read to their end and have nothing left to write: a session that ends
        because its producer is silent must not overtake its own results. While it drains there are none: what is read
        then is left to the next owner.
        """
        if self._draining:
            return frozenset()
        partitions = self._books.partitions
        return frozenset(
            source for source in self._reader.caught_up() if source in partitions and not partitions[source].waiting
        )

    # --- commit -------------------------------------------------------------------------------------------

    def _commit_if_due(self) -> None:
        if self._outbox.open:
            due = self._outbox.waited_s() >= self._rhythm.commit_interval_s
        else:
            due = self._clock.monotonic_s() - self._committed_at_s >= IDLE_COMMIT_S
        if due:
            self._commit()

    def _commit(self) -> bool:
        """Makes outputs and positions durable; returns whether they are (else everything is replayed)."""
        now_s = self._clock.monotonic_s()
        self._books.look_back(at_once=not self._outbox.open)
        positions = self._books.changed_positions()
        self._committed_at_s = now_s
        if not positions and (self._outbox.open or self._standing.disputed):
            positions = self._books.unchanged_position()
        if not positions and not self._outbox.open:
            return True
        try:
            self._outbox.commit(positions)
        except UnitAbortedError as error:
            self._metrics.aborted.inc()
            log.warning("unit_aborted", reason=str(error))
            self._rewinder.replay_all("unit_aborted")
            return False
        self._rhythm.committed(self._clock.monotonic_s() - now_s)
        if positions:
            self._standing.confirmed()
            self._books.committed(positions)
            if ended := self._books.drop_ended():
                self._handler.forget(ended)
        return True

    # --- assignment ---------------------------------------------------------------------------------------

    def assigned(self, committed: Mapping[Source, Position | None]) -> Mapping[Source, int | None]:
        self._back_pressure.lift(self._reader, self._books.partitions)
        self._joined = True
        start: dict[Source, int | None] = {}
        for source, position in committed.items():
            partition = Partition.taken_up(source, position)
            self._books.put(partition)
            start[source] = partition.replay_from if position else None
        self._metrics.assigned.set(len(self._books.partitions))
        if committed:
            self._claim(anew=not any(committed.values()))
        log.info("partitions_assigned", start={source.partition: offset for source, offset in start.items()})
        return start

    def revoked(self, sources: Collection[Source]) -> None:
        held = [source for source in sources if source in self._books.partitions]
        if held and self._commit():
            self._snapshots.take(key for source in held for key in self._sessions.of(source))
        self.lost(held)

    def lost(self, sources: Collection[Source]) -> None:
        given_up = [source for source in sources if source in self._books.partitions]
        for source in given_up:
            self._handler.forget(self._books.give_up(source))
            self._suspects.forget(source)
        self._standing.lost()
        if given_up and self._outbox.open:
            # What the open unit holds of these partitions is for their owner to write. It cannot be taken out, so
            # what it holds of the others is made again.
            self._outbox.abort()
            self._rewinder.replay_all("partition_lost")
        self._metrics.assigned.set(len(self._books.partitions))
        log.info("partitions_given_up", partitions=sorted(source.partition for source in sources))

    def _claim(self, *, anew: bool) -> None:
        """Tells the store of the group's generation, which no process of the stage has seen a later one of.

        A group that has committed nothing yet begins `anew` whenever it was empty for a while: Kafka forgets it.
        """
        try:
            self._ports.store.claim(epoch(self._reader.generation(), 0), anew=anew)
        except StoreFencedError as error:
            self._standing.refused(error)
        except StoreError as error:
            log.warning("epoch_not_claimed", reason=str(error))

    # --- what others see ----------------------------------------------------------------------------------

    def _publish(self) -> None:
        if not self._rhythm.publish_due():
            return
        self._ports.unit.serve()
        self._ports.loose.serve()
        self._metrics.sessions.set(len(self._sessions))
        self._metrics.in_flight.set(len(self._books))
        self._metrics.paused.set(self._back_pressure.paused)
        self._metrics.generation.set(self._reader.generation())
        self._metrics.lag.set(sum(self._reader.lag().values()))
        not_ready = None
        if not self._joined:
            not_ready = "waiting for the consumer group"
        elif self._unopened:
            not_ready = "the session store does not answer, and sessions have to be restored"
        elif not self._handler.ready():
            not_ready = "the handler is not ready"
        self._health.beat(not_ready, self._handler.status())
