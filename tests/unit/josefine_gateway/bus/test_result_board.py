"""The thread that reads results for all sessions."""

import queue

import pytest
from made_speech import transcript

from josefine_gateway.bus.board import OVERLAP_MS, ResultBoard
from josefine_stage.errors import BrokerError
from josefine_stage.handler import Source
from josefine_stage.memory import MemoryClock
from josefine_stage.ports import RawRecord
from josefine_wire.codec import encode
from josefine_wire.topics import TRANSCRIPTS

DEADLINE_S = 30.0
AT_MS = 1_699_999_990_500


def raw(session_id="s", text="One.", value=None, at_ms=AT_MS):
    value = value or encode(TRANSCRIPTS, transcript(text=text, session_id=session_id))
    return RawRecord(Source(TRANSCRIPTS, 0), 0, at_ms, f"{session_id}/0".encode(), value)


class Broker:
    """Gives what is put into it to the tail that is connected."""

    def __init__(self):
        self.coming = queue.Queue()
        self.starts = []
        self.closed = 0

    def connect(self, since_ms):
        self.starts.append(since_ms)
        return self

    def poll(self, timeout_s):
        try:
            item = self.coming.get(timeout=timeout_s / 10)
        except queue.Empty:
            return
        if isinstance(item, Exception):
            raise item
        yield item

    def close(self):
        self.closed += 1


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def board(broker, monkeypatch):
    monkeypatch.setattr("josefine_gateway.bus.board.AGAIN_S", 0.0)
    made = ResultBoard(broker.connect, MemoryClock())
    made.start()
    yield made
    made.close()


@pytest.fixture
def heard():
    return queue.Queue()


def listener(heard, name="one"):
    return lambda topic, record: heard.put((name, record["text"]))


def test_each_session_has_its_own(broker, board, heard):
    board.follow("s", listener(heard))
    for record in (raw("other"), raw(text="One."), raw("other"), raw(text="Two.")):
        broker.coming.put(record)
    assert [heard.get(timeout=DEADLINE_S) for _ in range(2)] == [("one", "One."), ("one", "Two.")]


def test_the_last_to_follow_has_it_and_the_former_takes_nothing_away(broker, board, heard):
    former, latter = listener(heard, "former"), listener(heard, "latter")
    board.follow("s", former)
    board.follow("s", latter)
    board.unfollow("s", former)
    broker.coming.put(raw())
    assert heard.get(timeout=DEADLINE_S) == ("latter", "One.")
    board.unfollow("s", latter)
    broker.coming.put(raw(text="Two."))
    board.follow("end", listener(heard, "end"))
    broker.coming.put(raw("end"))
    assert heard.get(timeout=DEADLINE_S) == ("end", "One.")


def test_after_trouble_a_stretch_is_read_again(broker, board, heard):
    board.follow("s", listener(heard))
    broker.coming.put(raw())
    heard.get(timeout=DEADLINE_S)
    broker.coming.put(BrokerError("away"))
    broker.coming.put(raw(text="Two."))
    assert heard.get(timeout=DEADLINE_S) == ("one", "Two.")
    assert broker.starts == [None, int(MemoryClock().epoch_s() * 1_000) - OVERLAP_MS]
    assert broker.closed == 1


def test_a_record_of_the_future_hides_none_of_the_present(broker, board, heard):
    board.follow("s", listener(heard))
    now_ms = int(MemoryClock().epoch_s() * 1_000)
    broker.coming.put(raw(at_ms=now_ms + 3_600_000))
    heard.get(timeout=DEADLINE_S)
    broker.coming.put(BrokerError("away"))
    broker.coming.put(raw(text="Two."))
    assert heard.get(timeout=DEADLINE_S) == ("one", "Two.")
    assert broker.starts == [None, now_ms - OVERLAP_MS]


def test_a_record_that_cannot_be_read_stops_nothing(broker, board, heard):
    board.follow("s", listener(heard))
    broker.coming.put(raw(value=b"garbage"))
    broker.coming.put(raw(text="Two."))
    assert heard.get(timeout=DEADLINE_S) == ("one", "Two.")
