import pytest

from josefine_client.collector import (
    PATIENCE_S,
    Collector,
    DeadLetterEvent,
    TranscriptEvent,
    UnderstandingEvent,
    patience_for,
)
from josefine_client.errors import BrokerTroubleError
from josefine_stage.errors import BrokerError


def test_events_of_expected_sessions_only_and_each_once(pipe, engine, topics):
    result = pipe.collector.expect("s")
    final = engine.transcript("FINAL")
    pipe.tail.put(topics.transcripts, final, engine.transcript("FINAL", "other"), final)

    [event] = pipe.collector.poll(1.0)

    assert (event.session_id, event.record["kind"], event.record["text"]) == ("s", "FINAL", "hello there")
    assert event.arrived_at_s == pipe.clock.epoch_s()
    assert len(result.finals()) == 1


def test_every_topic_has_its_events(pipe, engine, topics):
    pipe.collector.expect("s")
    pipe.tail.put(topics.transcripts, engine.transcript("INTERIM"), engine.transcript("END", segment=0))
    pipe.tail.put(topics.understanding, engine.understanding("SEGMENT"), engine.understanding("END"))
    pipe.tail.put(topics.dead_letters, engine.dead_letter(), engine.dead_letter(None, offset=8))

    events = [(type(event), event.record.get("kind")) for event in pipe.collector.poll(1.0)]

    assert events == [
        (TranscriptEvent, "INTERIM"),
        (TranscriptEvent, "END"),
        (UnderstandingEvent, "SEGMENT"),
        (UnderstandingEvent, "END"),
        (DeadLetterEvent, None),
    ]


def test_a_foreign_record_on_the_topic_is_passed_over(pipe, engine, topics):
    pipe.collector.expect("s")
    pipe.tail.put(topics.transcripts, b"not avro", engine.transcript("FINAL"))

    assert [event.record["kind"] for event in pipe.collector.poll(1.0)] == ["FINAL"]


def test_follow_ends_when_all_sessions_are_complete(pipe, engine, topics):
    for session in ("a", "b"):
        pipe.tail.put(topics.transcripts, engine.transcript("FINAL", session), engine.transcript("END", session))
        pipe.tail.put(topics.understanding, engine.understanding("END", session))
    # Nothing is followed before follow() is called, so what comes first must wait in the tail.
    events = list(pipe.collector.follow(["a", "b"]))

    assert [event.session_id for event in events] == ["a", "a", "a", "b", "b", "b"]
    assert all(pipe.collector.expect(session).complete for session in ("a", "b"))


def test_follow_gives_up_after_silence_and_not_before(pipe, engine, topics):
    begin_s = pipe.clock.now_s
    assert list(pipe.collector.follow(["s"], patience_s=10)) == []
    assert 10 <= pipe.clock.now_s - begin_s < 11

    class Trickle:
        """One more segment every nine seconds, four times."""

        segments = iter(range(4))

        def poll(self, timeout_s):
            pipe.clock.now_s += 9
            segment = next(self.segments, None)
            if segment is None:
                return []
            pipe.tail.put(topics.transcripts, engine.transcript("FINAL", segment=segment))
            return pipe.tail.poll(timeout_s)

        def close(self):
            pass

    collector = Collector(Trickle(), pipe.clock)
    assert len(list(collector.follow(["s"], patience_s=10))) == 4
    assert not collector.expect("s").complete


def test_a_forgotten_session_has_no_more_events(pipe, engine, topics):
    pipe.collector.expect("s")
    pipe.collector.forget("s")
    pipe.tail.put(topics.transcripts, engine.transcript("FINAL"))

    assert pipe.collector.poll(1.0) == []


def test_a_broken_connection_is_one_readable_error(pipe):
    class Broken:
        def poll(self, timeout_s):
            raise BrokerError("read transcripts: all brokers are down")

        def close(self):
            pass

    with pytest.raises(BrokerTroubleError, match="all brokers are down"):
        Collector(Broken(), pipe.clock).poll(1.0)


def test_it_closes_its_connection(pipe):
    with pipe.collector:
        pass

    assert pipe.tail.closed


def test_patience_covers_a_long_silence_at_the_rate_that_ingest_allows():
    silence_s, ingest_rate = 3 * 3600, 200

    assert patience_for(silence_s) > silence_s / ingest_rate + PATIENCE_S
    assert patience_for(0.0) == PATIENCE_S
