"""A session that another connection goes on with: what each of them said once, whoever still writes."""

from collections import deque
from dataclasses import dataclass, field

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audio import speechlike
from made_sessions import Stage, chunk, chunks, ingested, inputs, start

from josefine_stage.handler import Snapshot
from josefine_wire.records import AudioChunk
from josefine_wire.succession import Succession, Verdict

SPEECH = speechlike(1.0)
HUNDRED_MS = [SPEECH[at : at + 1_600].tobytes() for at in range(0, 16_000, 1_600)]


def takeover(producer: str, former: str, sequence: int = 0) -> AudioChunk:
    return chunk(sequence, producer_id=producer, takes_over=former)


def taken_over() -> list[AudioChunk]:
    """Returns a session of `p` whose later half is `q`'s."""
    records = chunks(HUNDRED_MS, start())
    return [*records[:5], takeover("q", "p"), *({**record, "producer_id": "q"} for record in records[5:])]


def test_a_session_that_was_taken_over_is_one_session() -> None:
    stage = ingested(taken_over())
    assert stage.signal().tobytes() == SPEECH.tobytes()
    assert stage.end()["reason"] == "COMPLETE"
    assert stage.done == list(range(11))
    assert not stage.rejections
    assert not stage.gaps()


def test_the_former_producer_is_superseded() -> None:
    records = taken_over()
    zombie = [{**record, "producer_id": "p", "payload": b"\xff" * 100} for record in records[6:]]
    late = takeover("r", "p", 6)
    mixed = [each for pair in zip(records[6:], zombie, strict=True) for each in pair]
    stage = ingested([*records[:6], late, *mixed])
    assert stage.signal().tobytes() == SPEECH.tobytes()
    assert {rejection.code for rejection in stage.rejections.values()} == {"superseded"}
    assert len(stage.rejections) == len(zombie) + 1
    assert stage.rejections[6].reason.startswith("takes_over:")
    # However many they are, they say nothing of a broken deploy.
    assert all(rejection.expected for rejection in stage.rejections.values())


def test_a_takeover_of_nothing_is_a_stray() -> None:
    stage = Stage().run(inputs([takeover("q", "p"), takeover("q", "p")], committed=1))
    assert not stage.outputs
    assert {offset: each.code for offset, each in stage.rejections.items()} == {1: "unknown_session"}


def test_a_takeover_after_the_end_changes_nothing() -> None:
    records = [*chunks(HUNDRED_MS, start()), takeover("q", "p"), chunk(10, b"\0\0", producer_id="q")]
    stage = ingested(records)
    assert {offset: each.code for offset, each in stage.rejections.items()} == {11: "second_producer"}
    assert stage.done == list(range(12))
    assert stage.end()["reason"] == "COMPLETE"


def test_a_takeover_keeps_a_session_alive() -> None:
    stage = Stage().run(inputs(chunks(HUNDRED_MS, start(), end=False)))
    stage.turn(passed_s=59.0)
    stage.run(inputs([takeover("q", "p")], first_offset=10))
    stage.turn(passed_s=59.0)
    assert not stage.unasked
    stage.turn(passed_s=2.0)
    assert stage.end()["reason"] == "IDLE_TIMEOUT"


@pytest.mark.parametrize("crash", range(5, 11))
def test_who_has_taken_over_survives_a_restart(crash: int) -> None:
    records = taken_over()
    first = Stage()
    for entry in inputs(records)[:crash]:
        first.run([entry])
        snapshot = first.handler.snapshot("s")
    assert snapshot is not None
    second = Stage()
    second.restore("s", snapshot)
    zombie = chunk(8, b"\xff\xff")
    second.run(inputs([*records[:crash], *records[crash:], zombie], committed=crash)[snapshot.version :])
    before = [output for each in first.progress for output in each.outputs if each.input.offset < snapshot.version]
    whole = b"".join(output.record["samples"] for output in [*before, *second.outputs])
    assert whole == SPEECH.tobytes()
    assert {offset: each.code for offset, each in second.rejections.items()} == {11: "superseded"}


def test_a_tombstone_remembers_that_it_was_taken_over() -> None:
    snapshot = Stage().run(inputs(taken_over())).handler.snapshot("s")
    assert snapshot is not None
    again = Stage()
    again.restore("s", snapshot)
    late = [chunk(10), chunk(10, producer_id="q"), takeover("r", "q")]
    again.run(inputs(late, first_offset=20))
    assert {offset: each.code for offset, each in again.rejections.items()} == {20: "superseded", 21: "after_end"}


def test_a_state_from_before_there_were_takeovers_is_read() -> None:
    again = Stage()
    state = msgpack.packb({"format": 1, "producer_id": "p", "next_sequence": 4})
    again.restore("s", Snapshot(5, state, over=True))
    again.run(inputs([chunk(3), chunk(4), chunk(4, producer_id="q")], first_offset=5))
    assert {offset: each.code for offset, each in again.rejections.items()} == {6: "after_end", 7: "second_producer"}


SOURCE = bytes(range(1, 121))
"""What a client says, whatever its connections do. Two bytes are a sample."""


@dataclass
class Connection:
    """One that writes to the session: what it believes, and what the broker has not appended yet."""

    producer_id: str
    number: int | None = None
    """Of its next chunk; None while it has not taken over."""
    at: int = 0
    """First byte of its next chunk."""
    marker: AudioChunk | None = None
    under_way: deque[AudioChunk] = field(default_factory=deque)

    def write(self, size: int, *, flush: bool = False) -> None:
        """Sends the next piece of the source, if it believes that the session is its own."""
        if self.number is None or self.at >= len(SOURCE):
            return
        begin = start() if self.number == 0 else None
        piece = SOURCE[self.at : self.at + size]
        self.at += len(piece)
        last = self.at >= len(SOURCE)
        fields = {"producer_id": self.producer_id, "start": begin, "flush": flush, "end": last}
        self.under_way.append(chunk(self.number, piece, **fields))
        self.number += 1

    def take_over(self, former: str) -> None:
        self.marker = takeover(self.producer_id, former, 7)
        self.under_way.append(self.marker)

    def learn(self, log: list[AudioChunk], token: Succession, since: int) -> None:
        """Reads the log up to its own marker, from `since` on, where `token` was true at or behind it."""
        place = next((at for at, record in enumerate(log) if record is self.marker), None)
        if place is None or self.number is not None:
            return
        verdict, state = folded(log[since : place + 1], token)
        if verdict is Verdict.TAKEOVER:
            self.number, self.at = state.next_sequence, state.payload_bytes
        elif verdict is Verdict.SUPERSEDED:
            self.take_over(state.producer_id)


def folded(log: list[AudioChunk], state: Succession) -> tuple[Verdict, Succession]:
    verdict = Verdict.STRAY
    for record in log:
        verdict, state = state.judge(record)
    return verdict, state


class Partition:
    """A session's log and all who write to it."""

    def __init__(self) -> None:
        self.log: list[AudioChunk] = []
        self.connections = [Connection("p0", number=0)]
        self.states = [Succession()]
        """Where the session stood before each record, and behind the last."""
        self.connections[0].write(6)
        self.append(self.connections[0])

    def append(self, connection: Connection, times: int = 1) -> None:
        """Appends the oldest record that a connection has under way; a second time where it is sent again."""
        if connection.under_way:
            record = connection.under_way.popleft()
            self.log += [record] * times
            for _ in range(times):
                self.states.append(self.states[-1].judge(record)[1])

    def connect(self, seen: int) -> Connection:
        """A client goes on, with the token of an acknowledgement that it had when the log was so long."""
        connection = Connection(f"p{len(self.connections)}")
        connection.take_over(self.states[seen].producer_id)
        self.connections.append(connection)
        return connection

    def learn(self, connection: Connection, seen: int, since: int) -> None:
        token = self.states[seen]
        late = Succession(token.producer_id, token.next_sequence, token.payload_bytes, token.flushes, token.ended)
        connection.learn(self.log, late, since)


STEPS = st.tuples(
    st.sampled_from(["write", "flush", "append", "append", "append", "twice", "connect", "learn", "learn"]),
    st.integers(0, 7),
    st.integers(0, 100),
    st.integers(0, 100),
)


def act(partition: Partition, step: tuple[str, int, int, int]) -> None:
    what, who, first, second = step
    connection = partition.connections[-1 - who % len(partition.connections)]
    seen = 1 + first % len(partition.log)
    match what:
        case "write" | "flush":
            connection.write(2 + 2 * (first % 6), flush=what == "flush")
        case "append" | "twice":
            partition.append(connection, 2 if what == "twice" else 1)
        case "connect":
            partition.connect(seen)
        case "learn":
            place = next((at for at, record in enumerate(partition.log) if record is connection.marker), 0)
            seen = min(seen, place)
            partition.learn(connection, seen, second % (seen + 1))


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=60), seen=st.integers(0, 100), rest=st.lists(st.integers(0, 9), max_size=60))
def test_whoever_writes_the_source_is_heard_once(
    steps: list[tuple[str, int, int, int]], seen: int, rest: list[int]
) -> None:
    partition = Partition()
    for step in steps:
        act(partition, step)
    last = partition.connect(1 + seen % len(partition.log))
    while last.under_way:
        partition.append(last)
        partition.learn(last, 0, 0)
    while last.number is not None and last.at < len(SOURCE):
        last.write(10)
    # What zombies have under way comes between and behind.
    for who in rest:
        partition.append(partition.connections[who % len(partition.connections)])
    for connection in [last, *partition.connections]:
        while connection.under_way:
            partition.append(connection)

    check(partition)


def check(partition: Partition) -> None:
    """Compares what ingest made of the log with what the succession says."""
    verdicts = [state.judge(record)[0] for state, record in zip(partition.states, partition.log, strict=False)]
    stage = ingested(partition.log)
    taken = [record["payload"] for record, verdict in zip(partition.log, verdicts, strict=True) if verdict.taken]
    assert stage.signal().tobytes() == b"".join(taken) == SOURCE
    assert not stage.gaps()
    assert stage.end()["reason"] == "COMPLETE"
    whole = partition.states[-1]
    assert (whole.payload_bytes, whole.ended) == (len(SOURCE), True)
    assert whole.flushes == sum(frame["flush"] for frame in stage.frames())
    superseded = [at for at, verdict in enumerate(verdicts) if verdict is Verdict.SUPERSEDED]
    assert [at for at, why in sorted(stage.rejections.items()) if why.code == "superseded"] == superseded
