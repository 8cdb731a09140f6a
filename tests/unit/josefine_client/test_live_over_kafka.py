"""The live session over Kafka, on ports in memory."""

import pytest

from josefine_client.chunks import Session
from josefine_client.errors import SessionError
from josefine_client.live.errors import ClosedError, ConnectionLostError
from josefine_client.live.events import Complaint, Ended, Final, Interim, LiveWord
from josefine_client.live.kafka_session import KafkaLiveSession


def session_on(pipe, **more):
    return KafkaLiveSession(pipe.publisher, pipe.collector, Session("s"), **more)


def test_audio_goes_to_the_log_and_finals_come_from_it(answering):
    with session_on(answering) as live:
        live.send(b"hello ")
        live.finalize()
        live.send(b"there")
        live.end()
        events = list(live)

    assert [(chunk["payload"], chunk["flush"]) for chunk in answering.writer.records] == [
        (b"hello ", False),
        (b"", True),
        (b"there", False),
        (b"", False),
    ]
    [final, ended] = events
    assert (final.text, final.sequence_id, final.channel) == ("hello there", 1, 0)
    assert final.words[0] == LiveWord("hello", "hello", 0.0, 900 / 16_000, pytest.approx(0.9))
    assert ended == Ended("s", 2.0, 1)
    assert live.transcript() == "hello there"
    assert (answering.writer.closed, answering.tail.closed) == (True, True)


def test_interims_carry_the_number_of_the_final_before_them(pipe, engine, topics):
    live = session_on(pipe)
    pipe.tail.put(
        topics.transcripts,
        engine.transcript("INTERIM", segment=4),
        engine.transcript("FINAL", segment=4),
        engine.transcript("FINAL", segment=4),
        engine.transcript("INTERIM", segment=6),
    )
    pipe.tail.put(topics.dead_letters, engine.dead_letter())
    events = [next(live) for _ in range(4)]
    assert [(type(event), getattr(event, "sequence_id", None)) for event in events] == [
        (Interim, 0),
        (Final, 5),
        (Interim, 5),
        (Complaint, None),
    ]


def test_leaving_ends_the_session_and_reads_it_to_its_end(answering):
    with session_on(answering) as live:
        live.send(b"hello")
    assert live.transcript() == "hello"
    with pytest.raises(SessionError, match="has ended"):
        live.send(b"x")


def test_leaving_with_an_exception_ends_the_session_and_waits_for_nothing(pipe):
    def fail():
        with session_on(pipe) as live:
            live.send(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert pipe.writer.records[-1]["end"]
    assert pipe.tail.closed


def test_a_silent_pipeline_is_given_up_after_the_end_and_not_before(pipe, engine, topics):
    live = session_on(pipe, patience_s=10)
    live.send(b"x")
    pipe.clock.now_s += 100
    pipe.tail.put(topics.transcripts, engine.transcript("FINAL"))
    assert isinstance(next(live), Final)
    live.end()
    with pytest.raises(ConnectionLostError, match="no results for 10 s"):
        next(live)


def test_what_the_engine_has_against_a_session_is_raised(pipe, engine, topics):
    live = session_on(pipe)
    error = {"code": "undecodable", "message": "no audio in it"}
    pipe.tail.put(topics.transcripts, engine.transcript("END", segment=0, error=error))
    pipe.tail.put(topics.understanding, engine.understanding("END"))
    assert isinstance(next(live), Ended)
    with pytest.raises(ClosedError, match="no audio in it"):
        next(live)
