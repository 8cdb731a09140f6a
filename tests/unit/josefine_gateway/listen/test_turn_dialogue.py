from made_speech import SECOND, end, transcript

from josefine_gateway.listen.turn_dialogue import TurnDialogue
from josefine_gateway.listen.turn_options import TurnOptions
from josefine_wire.ids import flush_id
from josefine_wire.topics import DEAD_LETTERS, TRANSCRIPTS


def dialogue():
    return TurnDialogue("r", TurnOptions(model="flux-general-en"))


def events(frames):
    return [(frame["event"], frame["transcript"]) for frame in frames]


def hear(turns, *records):
    return [frame for record in records for frame in turns.hear(TRANSCRIPTS, record)]


def interim(text, segment=0, revision=1, start=0):
    return transcript("INTERIM", text, segment, start, revision=revision)


def flushed(sequence, segment=0, end_sample=SECOND):
    return transcript("FLUSHED", "", segment, end_sample, end_sample, id=flush_id("s", 0, sequence))


def test_what_is_read_twice_is_told_once():
    records = [interim("Hello"), interim("Hello there", revision=2), transcript(text="Hello there."), flushed(4, 1)]
    turns = dialogue()
    first = hear(turns, *records)
    assert [event for event, _ in events(first)] == ["StartOfTurn", "Update", "EndOfTurn"]
    assert hear(turns, *records) == []


def test_a_flush_that_is_read_again_does_not_end_the_next_turn():
    turns = dialogue()
    hear(turns, transcript(text="One."), flushed(4, 1), interim("Two", 1, start=SECOND))
    assert hear(turns, flushed(4, 1)) == []
    assert events(hear(turns, flushed(9, 1, 2 * SECOND))) == [("EndOfTurn", "Two")]


def test_the_end_is_the_last_that_is_heard():
    turns = dialogue()
    hear(turns, end(0, 3 * SECOND))
    assert (turns.over, turns.length_samples) == (True, 3 * SECOND)
    assert hear(turns, transcript(text="Late.", segment=1)) == []


def test_only_the_session_s_own_first_channel_is_heard():
    turns = dialogue()
    assert hear(turns, transcript(variant="base"), transcript(channel=1, channels=2)) == []
    assert list(turns.hear(DEAD_LETTERS, {"stage": "nlu"})) == []


def test_a_configuration_that_makes_no_sense_changes_nothing():
    (frame,) = dialogue().configure({"type": "Configure", "thresholds": 7})
    assert (frame["type"], frame["code"]) == ("ConfigureFailure", "INVALID_CONFIGURATION")
