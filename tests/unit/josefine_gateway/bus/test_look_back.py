"""What the log says of a session."""

import pytest
from log_kit import Log
from made_speech import SECOND, end, transcript, understanding

from josefine_client.chunks import ChunkNumbering, Session, takeover_chunk
from josefine_client.errors import BrokerTroubleError
from josefine_gateway.bus.look_back import LookBack
from josefine_stage.errors import BrokerError
from josefine_wire.codec import encode
from josefine_wire.succession import Succession
from josefine_wire.topics import AUDIO_RAW, DEAD_LETTERS, TRANSCRIPTS, UNDERSTANDING

SESSION = Session("s", encoding="linear16", sample_rate_hz=16_000, channels=1)


@pytest.fixture
def log():
    return Log()


def write(log, *chunks):
    for chunk in chunks:
        log.append(AUDIO_RAW, chunk["session_id"].encode(), encode(AUDIO_RAW, chunk))


def takeover(producer_id, former, session_id="s"):
    return takeover_chunk(session_id, producer_id, former, 1, 1)


def test_audio_counts_up_to_the_takeover(log):
    first = ChunkNumbering(SESSION, "a", 1)
    write(log, *first.chunks(b"12"), takeover("b", "a", "other"), takeover("b", "a"), *first.chunks(b"34"))
    log.append(AUDIO_RAW, b"s", b"garbage")
    standing = LookBack(log).audio("s", Succession(), 0, "b")
    assert standing.won
    assert (standing.succession.producer_id, standing.succession.payload_bytes) == ("b", 2)


def test_who_lost_learns_from_whom_to_take_over(log):
    write(log, *ChunkNumbering(SESSION, "a", 1).chunks(b"12"), takeover("b", "a"), takeover("c", "a"))
    standing = LookBack(log).audio("s", Succession(), 0, "c")
    assert (standing.won, standing.succession.producer_id) == (False, "b")


def test_an_end_is_seen_beside_the_takeover(log):
    write(log, *ChunkNumbering(SESSION, "a", 1).chunks(b"12", end=True), takeover("b", "a"))
    standing = LookBack(log).audio("s", Succession(), 0, "b")
    assert (standing.won, standing.succession.ended) == (False, True)


def results(log, **more):
    found = LookBack(log).results("s", 0, **{"understanding": False, **more})
    return [(topic, record.get("kind"), record.get("segment")) for topic, record in found]


def test_interims_that_are_out_of_date_are_left_out(log):
    for record in (
        transcript("INTERIM", segment=0),
        transcript("INTERIM", segment=0, channel=1, channels=2),
        transcript("FINAL", segment=0),
        transcript("INTERIM", segment=1, start=SECOND),
        transcript("INTERIM", segment=1, start=SECOND, revision=2),
    ):
        log.pin(record)
    assert results(log) == [
        (TRANSCRIPTS, "FINAL", 0),
        (TRANSCRIPTS, "INTERIM", 0),
        (TRANSCRIPTS, "INTERIM", 1),
    ]
    log.pin(end(1, 2 * SECOND))
    assert results(log) == [(TRANSCRIPTS, "FINAL", 0), (TRANSCRIPTS, "END", 1), (TRANSCRIPTS, "INTERIM", 0)]


def test_what_nlu_says_comes_before_what_waits_for_it_and_what_it_gave_up_after(log):
    one = transcript(text="One.")
    log.pin(one)
    log.pin(understanding(one), UNDERSTANDING)
    letter = {
        "id": "nlu/transcripts/0/1",
        "stage": "nlu",
        "topic": TRANSCRIPTS,
        "partition": 0,
        "offset": 1,
        "key": b"s/0",
        "value": b"",
        "headers": {},
        "session_id": "s",
        "code": "unreadable",
        "reason": "",
        "failed_at": 1,
    }
    log.append(DEAD_LETTERS, b"s/0", encode(DEAD_LETTERS, letter))
    assert [topic for topic, *_ in results(log, understanding=True)] == [UNDERSTANDING, TRANSCRIPTS, DEAD_LETTERS]
    assert [topic for topic, *_ in results(log)] == [TRANSCRIPTS]


def test_a_log_that_cannot_be_read_is_trouble_with_the_broker():
    class Ill:
        def since(self, topic, start):
            raise BrokerError("away")

    with pytest.raises(BrokerTroubleError):
        LookBack(Ill()).results("s", 0, understanding=False)
