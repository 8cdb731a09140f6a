import pytest
from replay_kit import ListLog

from josefine_client.dead_letters import REQUEUED_HEADER, Requeue, Wanted, requeue_of, wanted_letters, whole_letters
from josefine_client.replay import replay_id
from josefine_wire.codec import encode
from josefine_wire.topics import DEAD_LETTERS


@pytest.fixture
def letters(engine):
    """Four letters, one of them twice, and something that is none."""
    log = ListLog()
    made = [
        engine.dead_letter("s", 1, failed_at=20),
        engine.dead_letter("s", 2, id="feature/audio.frames/0/2", stage="feature", topic="audio.frames", failed_at=30),
        engine.dead_letter(None, 3, code="unreadable", failed_at=10),
        engine.dead_letter("t", 4, id="nlu/transcripts/0/4", stage="nlu", topic="transcripts", failed_at=40),
    ]
    for letter in [*made, made[0]]:
        log.put(DEAD_LETTERS, b"k", encode(DEAD_LETTERS, letter))
    log.put(DEAD_LETTERS, b"k", b"junk")
    return log.records


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (Wanted(), [3, 1, 2, 4]),
        (Wanted(session="s"), [1, 2]),
        (Wanted(session="s", stage="feature"), [2]),
        (Wanted(code="unreadable"), [3]),
        (Wanted(ids=["nlu/transcripts/0/4", "no/such/0/1"]), [4]),
    ],
)
def test_letters_are_chosen_once_each_oldest_first(letters, wanted, offsets):
    assert [int(letter.id.rpartition("/")[2]) for letter in wanted_letters(letters, wanted)] == offsets


def test_a_session_is_replayed_once_from_its_earliest_topic_and_others_are_written_again(letters):
    requeue = requeue_of(wanted_letters(letters, Wanted()))

    assert requeue.sessions == {"audio.raw": ["s"]}
    assert [letter.id for letter in requeue.records] == ["ingest/audio.raw/0/3", "nlu/transcripts/0/4"]
    assert requeue_of([]) == Requeue({}, [])


@pytest.mark.parametrize("session_id", ["s", "x" * 128, "~", "two\nlines"])
def test_a_letter_of_a_replay_or_of_a_requeued_record_is_no_first_try(engine, session_id):
    log = ListLog()
    made = [
        engine.dead_letter(session_id, 1),
        engine.dead_letter(replay_id(session_id), 2),
        engine.dead_letter(None, 3),
        engine.dead_letter(None, 4, headers={REQUEUED_HEADER: b"ingest/audio.raw/0/3"}),
    ]
    for letter in made:
        log.put(DEAD_LETTERS, b"k", encode(DEAD_LETTERS, letter))

    letters = wanted_letters(log.records, Wanted())

    assert [letter.repeats for letter in letters] == [False, True, False, True]
    assert letters[3].requeued == "ingest/audio.raw/0/3"


def test_whole_letters_come_once_each_and_no_more_is_read_than_needed(letters):
    reading = iter(letters)
    [letter] = whole_letters(reading, ["ingest/audio.raw/0/1"])

    assert (letter["offset"], letter["value"]) == (1, b"")
    assert len(list(reading)) == len(letters) - 1
