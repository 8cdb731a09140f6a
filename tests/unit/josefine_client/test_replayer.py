from collections import Counter
from contextlib import contextmanager

import pytest
from replay_kit import HOUR_MS, NOW_MS, ListLog, audio, frames, put_chunk

from josefine_client.heard_before import Comparison
from josefine_client.replay import replay_id
from josefine_client.replay_search import named_sessions
from josefine_client.replayer import LOOK_EVERY, MOST_BEHIND, STUCK_S, Ports, Replayed, Replayer, ReplayOptions, Resent
from josefine_wire.codec import encode
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, DEAD_LETTERS, TRANSCRIPTS


class Backlog:
    """A stage that is so far behind, and gets on by as much a look."""

    def __init__(self, behind=0, step=0):
        self.behind = behind
        self.step = step
        self.looks = 0

    def records(self):
        self.looks += 1
        self.behind -= self.step
        return self.behind


@pytest.fixture
def clock(pipe):
    """The pipe's clock, moved by whoever waits."""
    pipe.clock.wait = lambda seconds: setattr(pipe.clock, "now_s", pipe.clock.now_s + seconds)
    return pipe.clock


@pytest.fixture
def replayed(pipe, clock):
    """Replays sessions of a log; gives the plans and what happened."""

    def run(log, *sessions, topic=AUDIO_RAW, model="", collector=None, backlog=None, **options):
        found = named_sessions(log, topic, sessions, model, NOW_MS)
        assert found.refused == []
        ports = Ports(log, log, backlog or Backlog())
        replayer = Replayer(ports, collector, ReplayOptions(**{"patience_s": 10.0, **options}), clock)
        return found.plans, list(replayer.replay(found.plans, found.heard))

    return run


def test_a_replay_is_the_session_but_for_its_name_and_whose_it_is(replayed):
    log = ListLog()
    audio(log, pieces=[b"1", b"2", b"3"], mode="LIVE", metadata={"call": "42"})
    audio(log, "other")

    [plan], [event] = replayed(log, "s", model="base")

    assert event == Resent(plan, 3)
    before, again = log.of(AUDIO_RAW, "s"), log.of(AUDIO_RAW, plan.replay_id)
    assert {raw.key for raw in log.records[-3:]} == {plan.replay_id.encode()}
    changed = {"session_id": plan.replay_id, "session_started_at": NOW_MS}
    config = before[0]["start"]["config"] | {
        "model": "base",
        "replay": {
            "session_id": "s",
            "session_started_at": NOW_MS - HOUR_MS - 7,
            "variant": "base",
            "last_sequence": 2,
        },
    }
    starts = [before[0]["start"] | {"config": config}, None, None]
    assert again == [chunk | changed | {"start": start} for chunk, start in zip(before, starts, strict=True)]


def test_channels_of_frames_keep_their_keys_and_their_order(replayed):
    log = ListLog()
    frames(log)

    [plan], [event] = replayed(log, "s", topic=AUDIO_FRAMES)

    again = log.of(AUDIO_FRAMES, plan.replay_id)
    assert event.records == len(again) == 4
    assert Counter(raw.key for raw in log.records[4:]) == {f"{plan.replay_id}/{c}".encode(): 2 for c in (0, 1)}
    for channel in (0, 1):
        own = [frame for frame in again if frame["channel"] == channel]
        assert [frame["sequence"] for frame in own] == [0, 1]
        assert (own[0]["start"]["model"], own[0]["start"]["replay"]["session_id"]) == ("base", "s")


def test_what_the_stage_never_heard_is_left_out(replayed):
    log = ListLog()
    audio(log, pieces=[b"1"], end=False)
    audio(log, "t")
    chunk, stray = (log.of(AUDIO_RAW, session_id)[0] for session_id in "st")
    log.put(AUDIO_RAW, b"s", b"junk", NOW_MS - HOUR_MS)
    log.put(AUDIO_RAW, b"s", encode(AUDIO_RAW, stray), NOW_MS - HOUR_MS)
    put_chunk(log, {**chunk, "sequence": 1, "start": None, "end": True})

    _, [event] = replayed(log, "s")

    assert event.records == 2


def test_a_session_that_was_taken_over_is_replayed_as_one_of_one_producer(replayed):
    log = ListLog()
    audio(log, pieces=[b"a0", b"a1", b"a2"], end=False, producer="a")
    last = log.of(AUDIO_RAW, "s")[-1]
    taken = [
        {"producer_id": "b", "takes_over": "a", "payload": b"", "sequence": 0},
        {"sequence": 3, "payload": b"zombie"},
        {"producer_id": "b", "sequence": 3, "payload": b"b3"},
        {"producer_id": "b", "sequence": 3, "payload": b"b3"},
        {"producer_id": "c", "takes_over": "a", "payload": b"", "sequence": 9},
        {"producer_id": "c", "sequence": 4, "payload": b"loser"},
        {"producer_id": "b", "sequence": 4, "payload": b"b4", "end": True},
        {"producer_id": "d", "takes_over": "b", "payload": b"", "sequence": 5},
        {"producer_id": "b", "sequence": 5, "payload": b"late"},
    ]
    for changes in taken:
        put_chunk(log, last | changes)

    [plan], [event] = replayed(log, "s")

    again = log.of(AUDIO_RAW, plan.replay_id)
    assert event.records == len(again) == 6
    assert [chunk["payload"] for chunk in again] == [b"a0", b"a1", b"a2", b"b3", b"b3", b"b4"]
    assert [chunk["sequence"] for chunk in again] == [0, 1, 2, 3, 3, 4]
    assert {(chunk["producer_id"], chunk["takes_over"]) for chunk in again} == {("a", None)}
    assert again[0]["start"]["config"]["replay"]["last_sequence"] == 4


def test_a_second_producer_is_refused_again(replayed):
    log = ListLog()
    audio(log, pieces=[b"1"], end=False, producer="own")
    audio(log, pieces=[b"1", b"2"], producer="foreign")

    [plan], [event] = replayed(log, "s")

    assert event.records == 3
    assert [chunk["producer_id"] for chunk in log.of(AUDIO_RAW, plan.replay_id)] == ["own", "foreign", "foreign"]


def test_transcripts_are_written_again_as_they_are_and_each_once(replayed, engine):
    log = ListLog()
    records = [
        engine.transcript("INTERIM"),
        engine.transcript("FINAL"),
        engine.transcript("END", segment=1),
        engine.transcript("FLUSHED"),
        engine.transcript("FINAL"),
        engine.transcript("FINAL", variant="base", id="s/0/0/final@base"),
    ]
    for record in records:
        log.put(TRANSCRIPTS, b"s/0", encode(TRANSCRIPTS, record), NOW_MS - HOUR_MS)
    values = [raw.value for raw in log.records]

    _, [event] = replayed(log, "s", topic=TRANSCRIPTS)

    assert event.records == 2
    assert [raw.value for raw in log.records[6:]] == [values[1], values[2]]


def test_results_are_compared_id_by_id(replayed, pipe, engine, topics):
    log = ListLog()
    audio(log)
    for segment, text in enumerate(["hello there", "old words"]):
        final = engine.transcript("FINAL", segment=segment, text=text)
        log.put(TRANSCRIPTS, b"s/0", encode(TRANSCRIPTS, final), NOW_MS - HOUR_MS)
    pipe.tail.put(
        topics.transcripts,
        *(engine.transcript("FINAL", segment=n, text=text) for n, text in enumerate(["hello there", "words", "more"])),
        engine.transcript("END", segment=3),
    )
    pipe.tail.put(topics.understanding, engine.understanding("END", segment=3))

    _, [_, event] = replayed(log, "s", collector=pipe.collector)

    assert isinstance(event, Replayed)
    assert event.comparison == Comparison(same=1, changed=1, new=1)
    assert not event.comparison.equal
    assert event.failure is None


def test_a_variant_does_not_mix_with_the_session(replayed, pipe, engine, topics):
    log = ListLog()
    audio(log)
    own = pipe.collector.expect("s")
    beside = {"variant": "base", "model": "base"}
    pipe.tail.put(
        topics.transcripts,
        engine.transcript("FINAL", text="own words"),
        engine.transcript("FINAL", text="other words", id="s/0/0/final@base", **beside),
        engine.transcript("END", segment=1, id="s/0/end@base", **beside),
    )
    pipe.tail.put(topics.understanding, engine.understanding("END", segment=1, variant="base"))

    _, [_, event] = replayed(log, "s", model="base", collector=pipe.collector)

    assert [final["text"] for final in event.result.finals()] == ["other words"]
    assert [final["text"] for final in own.finals()] == ["own words"]
    assert not own.transcribed


def test_a_replay_without_results_is_given_up_with_the_reason(replayed, pipe, engine):
    log = ListLog()
    for session_id in "st":
        audio(log, session_id)
    send = log.send

    def refuse(topic, key, value, headers=None):
        send(topic, key, value, headers)
        if key.startswith(b"t"):
            pipe.tail.put(DEAD_LETTERS, engine.dead_letter(key.decode()))

    log.send = refuse
    _, events = replayed(log, "s", "t", collector=pipe.collector)

    failures = {event.plan.source.session_id: event.failure for event in events if isinstance(event, Replayed)}
    assert failures["s"].startswith("no more results for 10 s")
    assert failures["t"] == "refused by ingest: another producer writes this session (second_producer)"


def test_sessions_are_sent_a_few_at_a_time_each_group_under_the_shield(replayed):
    log, shields = ListLog(), []
    for number in range(5):
        audio(log, f"s{number}", at_ms=NOW_MS - HOUR_MS + number)

    @contextmanager
    def shield():
        shields.append(len(log.records))
        yield

    plans, _ = replayed(log, *(f"s{number}" for number in range(5)), in_flight=2, shield=shield)

    assert [plan.source.session_id for plan in plans] == [f"s{number}" for number in range(5)]
    assert shields == [10, 14, 18]


def test_a_replay_waits_for_a_stage_that_gets_on(replayed, clock):
    log = ListLog()
    audio(log, pieces=[b"1"] * 2 * LOOK_EVERY)
    backlog = Backlog(MOST_BEHIND + 25, step=10)

    begun_s = clock.now_s
    replayed(log, "s", backlog=backlog)

    assert backlog.looks == 4, "three until it had caught up, one after as many records again"
    assert 0.1 < clock.now_s - begun_s < 1.0


def test_a_stage_that_stands_still_is_waited_for_once_and_not_for_ever(replayed, clock):
    log = ListLog()
    audio(log, pieces=[b"1"] * LOOK_EVERY)

    begun_s = clock.now_s
    _, [event] = replayed(log, "s", backlog=Backlog(MOST_BEHIND + 1))

    assert event.records == LOOK_EVERY
    assert STUCK_S <= clock.now_s - begun_s < STUCK_S + 1


def test_ids_of_replays_fit_and_differ():
    ids = {replay_id("x" * 128) for _ in range(3)}

    assert len(ids) == 3
    assert {len(each) for each in ids} == {128}
    assert replay_id("s").startswith("s~")
