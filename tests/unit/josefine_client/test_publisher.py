import pytest

from josefine_client.chunks import Session
from josefine_client.errors import BrokerTroubleError, SessionError
from josefine_stage.errors import BrokerError


def test_a_session_is_sent_in_order_and_acknowledged(pipe):
    with pipe.publisher.open(Session("s"), chunk_bytes=4) as session:
        session.send(b"abcdef")
        session.flush()
        session.end(b"gh")

    assert [chunk["payload"] for chunk in pipe.writer.records] == [b"abcd", b"ef", b"", b"gh"]
    assert [chunk["flush"] for chunk in pipe.writer.records] == [False, False, True, False]
    assert pipe.writer.flushed == 4
    assert len({chunk["producer_id"] for chunk in pipe.writer.records}) == 1


def test_two_sessions_of_one_publisher_are_two_producers(pipe):
    for name in ("a", "b"):
        with pipe.publisher.open(Session(name)) as session:
            session.send(b"x")

    [a, b] = [pipe.writer.of(name)[0]["producer_id"] for name in ("a", "b")]
    assert a != b


def test_the_block_ends_the_session_also_after_an_error(pipe):
    def application():
        with pipe.publisher.open(Session("s")) as session:
            session.send(b"x")
            raise KeyError

    with pytest.raises(KeyError):
        application()

    assert [chunk["end"] for chunk in pipe.writer.records] == [False, True]


def test_it_started_no_later_than_its_first_record(pipe):
    session = pipe.publisher.open(Session("s"))
    pipe.clock.now_s += 0.9999
    session.send(b"x")

    [chunk] = pipe.writer.records
    assert chunk["session_started_at"] == 1_700_001_000_000
    assert chunk["captured_at"] == int(pipe.clock.epoch_s() * 1e6)


def test_the_time_of_capture_can_be_given(pipe):
    session = pipe.publisher.open(Session("s"))
    session.send(b"x", captured_at_us=42)
    session.end(captured_at_us=43)

    assert [chunk["captured_at"] for chunk in pipe.writer.records] == [42, 43]


def test_nothing_is_sent_after_the_end(pipe):
    session = pipe.publisher.open(Session("s"))
    session.end()

    with pytest.raises(SessionError, match="has ended"):
        session.send(b"x")
    assert session.ended
    assert len(pipe.writer.records) == 1


def test_a_refused_record_is_one_readable_error(pipe):
    def refuse(timeout_s):
        raise BrokerError("write records: topic authorization failed")

    pipe.writer.flush = refuse

    with pytest.raises(BrokerTroubleError, match="authorization"):
        pipe.publisher.acknowledge()
    with pytest.raises(BrokerTroubleError, match="authorization"):
        pipe.publisher.open(Session("s")).end(b"x")
