"""A crash anywhere, a restart from stored snapshots: the frames come out as if nothing had happened."""

import random
from collections import defaultdict
from functools import cache
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audio import sample_file, speechlike
from made_sessions import Stage, chunk, chunks, inputs, pieces, start

from josefine_ingest.handler import IngestHandler
from josefine_ingest.limits import IngestLimits
from josefine_stage.errors import SnapshotUnreadableError
from josefine_stage.handler import Input, Progress, Snapshot
from josefine_wire.codec import encode
from josefine_wire.records import AudioChunk, SessionStart

KINDS: dict[str, tuple[SessionStart, bytes, int]] = {
    "pcm": (start(), speechlike(1.2).tobytes(), 2_999),
    "telephone": (start("mulaw", 8_000), speechlike(0.6).tobytes(), 800),
    "stereo": (start("linear16", 44_100, 2, multichannel="true"), speechlike(0.5, 44_100, 2).tobytes(), 17_640),
    "recorded": (start("linear16", 24_000, 1, "RECORDED"), speechlike(9.0, 24_000).tobytes(), 300_000),
    "flac": (start("container", 0, 0, "RECORDED"), sample_file("flac", 3.0), 30_000),
    "webm": (start("container", 0, 0), sample_file("webm-opus", 1.5), 1_500),
    "m4a": (start("container", 0, 0), sample_file("m4a", 1.0), 4_000),
    "broken": (start("container", 0, 0), b"RIFF....no audio at all" * 4, 40),
    "wrong": (start("speex"), bytes(300), 100),
}


def session(kind: str, key: str, chance: random.Random) -> list[AudioChunk]:
    """Returns a session's chunks, some of them lost, doubled, late, foreign, with flushes and takeovers."""
    begin, payload, size = KINDS[kind]
    records: list[AudioChunk] = []
    producer = "p"
    for n, sent in enumerate(chunks(list(pieces(payload, size)), begin, key)):
        lost = n > 0 and chance.random() < 0.05
        if lost:
            continue
        if n > 0 and chance.random() < 0.1:
            former = chance.choice([producer, "nobody"])
            records.append(chunk(n, b"", key, producer_id=f"p{n}", takes_over=former))
            producer = f"p{n}" if former == producer else producer
        record = {**sent, "producer_id": producer, "captured_at": 10**15 + 50_000 * n, "flush": chance.random() < 0.1}
        records += [record] * (2 if chance.random() < 0.1 else 1)
        if chance.random() < 0.05:
            records.append({**record, "producer_id": "q"})
    if chance.random() < 0.3:
        records.append(chunk(1_000, b"\0\0", key))
    return records


def mixed(kinds: list[str], chance: random.Random) -> list[AudioChunk]:
    """Returns sessions' records shuffled together, each session in order."""
    queues = [session(kind, f"{kind}-{n}", chance) for n, kind in enumerate(kinds)]
    order = [n for n, queue in enumerate(queues) for _ in queue]
    chance.shuffle(order)
    iterators = [iter(queue) for queue in queues]
    return [next(iterators[n]) for n in order]


def hasty() -> Stage:
    """A stage that does one piece a turn."""
    ticks = count()
    return Stage(IngestHandler(IngestLimits(), clock=lambda: float(next(ticks))))


def results(progress: list[Progress[AudioChunk]]) -> dict[int, list[object]]:
    """Offset -> what was written for it, as bytes."""
    written: dict[int, list[object]] = defaultdict(list)
    for each in progress:
        written[each.input.offset] += [(out.topic, out.key, encode(out.topic, out.record)) for out in each.outputs]
        if each.rejection:
            written[each.input.offset].append((each.rejection.code, each.rejection.reason))
    return {offset: outputs for offset, outputs in written.items() if outputs}


class FirstLife:
    """Runs until it is killed, storing snapshots now and then."""

    def __init__(self, log: list[Input[AudioChunk]], chance: random.Random) -> None:
        self.stage = hasty()
        self.stored: dict[str, list[Snapshot]] = defaultdict(list)
        kill_at = chance.randrange(len(log) + 1)
        at = 0
        while at < kill_at:
            batch = log[at : min(kill_at, at + chance.randrange(1, 8))]
            at += len(batch)
            self.stage.accept(batch)
            for _ in range(chance.randrange(6)):
                self.stage.turn()
            if chance.random() < 0.4:
                self._store(chance)
        read = [entry.offset for entry in log[:at]]
        done = set(self.stage.done)
        finished = next((offset for offset in read if offset not in done), at)
        self.committed = chance.randrange(finished + 1)
        self.durable = {offset: out for offset, out in results(self.stage.progress).items() if offset < self.committed}

    def _store(self, chance: random.Random) -> None:
        for key in sorted(self.stage.known):
            snapshot = self.stage.handler.snapshot(key) if chance.random() < 0.8 else None
            if snapshot is not None:
                self.stored[key].append(snapshot)

    def usable(self, key: str) -> Snapshot | None:
        usable = [each for each in self.stored[key] if each.version <= self.committed]
        return max(usable, key=lambda each: each.version, default=None)


def second_life(records: list[AudioChunk], first: FirstLife) -> Stage:
    """Takes the log up as the runtime would."""
    begins: dict[str, int] = {}
    for offset, record in enumerate(records):
        begins.setdefault(record["session_id"], offset)
    bases = {
        key: snapshot.version if (snapshot := first.usable(key)) else begin
        for key, begin in begins.items()
    }  # fmt: skip
    over = {key for key in bases if (snapshot := first.usable(key)) and snapshot.over}
    replay_from = min([first.committed, *(base for key, base in bases.items() if key not in over)])
    stage = hasty()
    for entry in inputs(records, committed=first.committed)[replay_from:]:
        if entry.key not in stage.known:
            stage.restore(entry.key, first.usable(entry.key))
        if entry.offset >= bases[entry.key]:
            stage.accept([entry])
    return stage.run()


@cache
def undisturbed(kinds: tuple[str, ...], seed: int) -> dict[int, list[object]]:
    return results(Stage().run(inputs(mixed(list(kinds), random.Random(seed)))).progress)


@settings(max_examples=25, deadline=None)
@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4), seed=st.integers(0, 2**32))
def test_a_crash_changes_nothing(kinds: list[str], seed: int) -> None:
    expected = undisturbed(tuple(kinds), seed)
    chance = random.Random(seed)
    records = mixed(kinds, chance)
    first = FirstLife(inputs(records), chance)
    second = second_life(records, first)
    again = results(second.progress)
    # What was durable is not written again.
    union = first.durable | {offset: outputs for offset, outputs in again.items() if offset >= first.committed}
    assert union == expected
    first.stage.handler.close()
    second.handler.close()


@pytest.mark.parametrize("kind", ["pcm", "telephone", "stereo", "flac"])
def test_open_sessions_are_there_again_after_a_restart(kind: str) -> None:
    """Else a producer that falls silent during the restart would leave its session open for ever."""
    records = [{**record, "end": False} for record in session(kind, "s", random.Random(1))]
    stage = Stage()
    for entry in inputs(records):
        stage.run([entry])
        snapshot = stage.handler.snapshot("s")
        assert snapshot is None or snapshot.version <= entry.offset
    stage.handler.close()


def test_an_ended_session_keeps_a_tombstone() -> None:
    records = chunks(list(pieces(speechlike(0.5).tobytes(), 1_600)), start())
    snapshot = (stage := Stage().run(inputs(records))).handler.snapshot("s")
    assert snapshot is not None
    assert snapshot.over
    assert snapshot.version == len(records)
    assert len(snapshot.state) < 100
    again = Stage()
    again.restore("s", snapshot)
    again.run(inputs([records[3], chunk(77, b"\0\0"), {**records[0], "producer_id": "q"}], first_offset=50))
    assert {offset: each.code for offset, each in again.rejections.items()} == {51: "after_end", 52: "second_producer"}
    assert not again.outputs
    assert stage.end()["reason"] == "COMPLETE"


def test_a_session_that_never_began_is_over_and_may_still_begin() -> None:
    """Else its chunks would hold the place from which the log is replayed, for ever."""
    stage = Stage().run(inputs([chunk(5, b"\0\0")]))
    snapshot = stage.handler.snapshot("s")
    assert snapshot == Snapshot(1, b"", over=True)
    stage.accept(inputs([chunk(0, start=start())], first_offset=1))
    assert stage.handler.snapshot("s") is None
    stage.run()
    assert stage.handler.snapshot("s") is None
    again = Stage()
    again.restore("s", snapshot)
    again.run(inputs([chunk(0, b"\1\0", start=start(), end=True)], first_offset=1))
    assert again.end()["reason"] == "COMPLETE"


def test_an_end_by_time_out_is_the_same_after_a_restart() -> None:
    records = chunks(list(pieces(speechlike(0.55, 8_000).tobytes(), 999)), start(rate_hz=8_000), end=False)
    first = Stage().run(inputs(records[:6]))
    first.handler.snapshot("s")
    first.run(inputs(records)[6:])
    snapshot = first.handler.snapshot("s")
    assert snapshot is not None
    first.turn(passed_s=61)
    second = Stage()
    second.restore("s", snapshot)
    second.run(inputs(records, committed=len(records))[snapshot.version :])
    second.turn(passed_s=61)
    assert [output.record for output in second.unasked] == [output.record for output in first.unasked]
    tombstone = first.handler.snapshot("s")
    assert tombstone is not None
    assert tombstone.over
    assert tombstone.version == len(records)


def test_a_foreign_state_is_refused() -> None:
    with pytest.raises(SnapshotUnreadableError, match="format 7"):
        Stage().restore("s", Snapshot(5, b"\x81\xa6format\x07"))


def test_a_snapshot_is_small() -> None:
    records = chunks(list(pieces(speechlike(2.0, 48_000).tobytes(), 9_600)), start(rate_hz=48_000), end=False)
    stage = Stage()
    for entry in inputs(records):
        stage.run([entry])
        snapshot = stage.handler.snapshot("s")
    assert snapshot is not None
    assert len(snapshot.state) < 64 * 1024
