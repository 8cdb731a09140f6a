"""Sends sessions again, a few at a time, and waits for what comes of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Protocol

from josefine_client.collector import PATIENCE_S, POLL_S, Collector
from josefine_client.errors import broker_trouble
from josefine_client.heard_before import Comparison, HeardBefore
from josefine_client.player import MEND
from josefine_client.publisher import ACKNOWLEDGE_S
from josefine_client.replay import ReplayPlan, rewritten
from josefine_client.results import SessionResult
from josefine_client.sessions_in_log import keyed_session, session_record
from josefine_stage.clock import Clock, SystemClock
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.records import AudioChunk
from josefine_wire.succession import Succession, Verdict
from josefine_wire.topics import AUDIO_RAW, TRANSCRIPTS

IN_FLIGHT: Final = 8
"""Sessions between their first record and their last result."""
MOST_BEHIND: Final = 500
"""Records of a partition that the stage may have before it: what a live session says meanwhile queues behind them."""
LOOK_EVERY: Final = 100
"""Records written between two looks at the stage."""
STUCK_S: Final = 30.0
"""A stage that does not get on for so long does not run: then nobody speaks either, and the log holds what is sent."""
PACE_S: Final = 0.1


class StretchLog(Protocol):
    """What a replay needs of a broker to read: josefine_kafka's LogReader, or lists in tests."""

    def between(self, stretches: Mapping[Source, tuple[int, int]]) -> Iterator[RawRecord]:
        """Yields the records of partitions from the first offset to the last, both included."""


class HeaderWriter(Protocol):
    """What a replay needs of a broker to write: josefine_kafka's AcknowledgedWriter, or a list in tests."""

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Queues a record."""

    def flush(self, timeout_s: float) -> None:
        """Returns when all that was sent is acknowledged."""


class Backlog(Protocol):
    """What a replay needs of a broker to keep its pace: josefine_kafka's StageBacklog, or a number in tests."""

    def records(self) -> int:
        """Returns how many records the fullest partition holds that the stage has not done."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The broker, as a replay needs it."""

    log: StretchLog
    writer: HeaderWriter
    backlog: Backlog


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """Limits of a replay."""

    in_flight: int = IN_FLIGHT
    patience_s: float = PATIENCE_S
    """Silence of the pipeline after which what is incomplete is given up."""
    shield: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered while sessions are sent: half a session says nothing of its last words, and has no end."""


@dataclass(frozen=True, slots=True)
class Resent:
    """A session stands in the log again, to its end."""

    plan: ReplayPlan
    records: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """Nothing more will come of a replay: it is complete, or was given up."""

    plan: ReplayPlan
    result: SessionResult
    refused: SessionResult
    """Holds the dead letters of the replay's own records."""
    comparison: Comparison
    failure: str | None
    """Why it was given up, or what the engine says against it: one line."""


class Replayer:
    """Replays plans. One thread; the ports are lent to it."""

    def __init__(
        self,
        ports: Ports,
        collector: Collector | None,
        options: ReplayOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`collector`: None where nobody waits for results. Else it was connected before: nothing is missed."""
        self._ports = ports
        self._collector = collector
        self._options = options or ReplayOptions()
        self._clock = clock or SystemClock()
        self._since_look = 0

    def replay(self, plans: Sequence[ReplayPlan], heard: HeardBefore) -> Iterator[Resent | Replayed]:
        """Yields what happens, until every session was sent and, with a collector, is complete or given up.

        Raises:
            BrokerTroubleError: the broker failed.
        """
        for at in range(0, len(plans), self._options.in_flight):
            group = plans[at : at + self._options.in_flight]
            waiting = [_Waiting(self._collector, plan) for plan in group] if self._collector else []
            yield from self._send(group)
            yield from self._wait(waiting, heard)

    def _send(self, group: Sequence[ReplayPlan]) -> list[Resent]:
        """Writes the records of a group in the order of each partition."""
        by_session = {plan.source.session_id: _Resending(plan) for plan in group}
        with self._options.shield(), broker_trouble():
            for raw in self._ports.log.between(_together(group)):
                session = by_session.get(keyed_session(raw))
                if session is None or not _within(raw, session.plan):
                    continue
                self._resend(raw, session)
                self._keep_pace()
            self._ports.writer.flush(ACKNOWLEDGE_S)
        return [Resent(session.plan, session.records) for session in by_session.values()]

    def _resend(self, raw: RawRecord, session: "_Resending") -> None:
        """Writes a record again if it was heard."""
        topic, record = raw.source.topic, session_record(raw)
        if record is None or not session.wants(topic, record):
            return
        key, value = (raw.key, raw.value) if topic == TRANSCRIPTS else rewritten(topic, record, session.plan)
        self._ports.writer.send(topic, key, value, raw.headers)
        session.records += 1

    def _keep_pace(self) -> None:
        """Waits, now and then, until the stage has nearly caught up."""
        self._since_look += 1
        if self._since_look < LOOK_EVERY:
            return
        self._since_look = 0
        least, since_s = self._ports.backlog.records(), self._clock.monotonic_s()
        behind = least
        while behind > MOST_BEHIND and self._clock.monotonic_s() - since_s < STUCK_S:
            self._clock.wait(PACE_S)
            behind = self._ports.backlog.records()
            if behind < least:
                least, since_s = behind, self._clock.monotonic_s()

    def _wait(self, waiting: Sequence["_Waiting"], heard: HeardBefore) -> Iterator[Replayed]:
        left, alive_s = list(waiting), self._clock.monotonic_s()
        while left and self._collector is not None:
            events = self._collector.poll(POLL_S)
            now_s = self._clock.monotonic_s()
            alive_s = now_s if events else alive_s
            given_up = now_s - alive_s > self._options.patience_s
            for each in [each for each in left if each.result.complete or given_up]:
                left.remove(each)
                each.forget(self._collector)
                yield each.outcome(heard, self._options.patience_s)


class _Resending:
    """A session that is being sent, and which of its records are."""

    def __init__(self, plan: ReplayPlan) -> None:
        self.plan = plan
        self.records = 0
        self._succession = Succession()
        self._ids: set[str] = set()

    def wants(self, topic: str, record: Any) -> bool:
        """Returns whether the next record of the session is sent again; of transcripts each is once, also where they
        were replayed before.
        """
        if topic == AUDIO_RAW:
            return self._wants_chunk(record)
        if topic != TRANSCRIPTS:
            return True
        new = record["id"] not in self._ids
        self._ids.add(record["id"])
        return new

    def _wants_chunk(self, record: AudioChunk) -> bool:
        """Leaves out takeovers, and what they superseded: a replay has one producer, who began its source.

        What ingest refused for any other reason it refuses again.
        """
        verdict, self._succession = self._succession.judge(record)
        if record["producer_id"] == self._succession.producer_id:
            record["producer_id"] = self.plan.source.producer_id
        return record["takes_over"] is None and verdict is not Verdict.SUPERSEDED


class _Waiting:
    """A replay in flight: what comes under the source's id, and what is refused under its own."""

    def __init__(self, collector: Collector, plan: ReplayPlan) -> None:
        self.plan = plan
        self.result = collector.expect(plan.source.session_id, plan.variant)
        self.refused = collector.expect(plan.replay_id)

    def forget(self, collector: Collector) -> None:
        """Stops following it."""
        collector.forget(self.plan.source.session_id, self.plan.variant)
        collector.forget(self.plan.replay_id)

    def outcome(self, heard: HeardBefore, patience_s: float) -> Replayed:
        """Returns what has become of it."""
        comparison = heard.compare(self.result)
        return Replayed(self.plan, self.result, self.refused, comparison, self._failure(patience_s))

    def _failure(self, patience_s: float) -> str | None:
        if self.result.error is not None:
            return self.result.error["message"]
        if self.result.complete:
            return None
        if self.refused.dead_letters:
            letter = self.refused.dead_letters[0]
            return f"refused by {letter['stage']}: {letter['reason']} ({letter['code']})"
        return f"no more results for {patience_s:.0f} s; {MEND}"


def _together(group: Sequence[ReplayPlan]) -> dict[Source, tuple[int, int]]:
    """Returns the stretches of the log that hold all of a group: sessions that began together lie together."""
    together: dict[Source, tuple[int, int]] = {}
    for plan in group:
        for source, (first, last) in plan.source.stretches.items():
            before = together.get(source, (first, last))
            together[source] = (min(before[0], first), max(before[1], last))
    return together


def _within(raw: RawRecord, plan: ReplayPlan) -> bool:
    first, last = plan.source.stretches.get(raw.source, (0, -1))
    return first <= raw.offset <= last
