"""What a client is told of a session that it began, and of one that it goes on with."""

import pytest
from made_speech import SECOND, end, transcript, understanding

from josefine_gateway.listen import conversation as conversation_module
from josefine_gateway.listen.conversation import Conversation, Wanted
from josefine_gateway.shape.live import Stream
from josefine_gateway.shape.wording import Redaction, Replacement, Wording
from josefine_wire.codec import encode
from josefine_wire.ids import flush_id
from josefine_wire.topics import DEAD_LETTERS, TRANSCRIPTS, UNDERSTANDING

INTERIMS = Wanted(interim_results=True, vad_events=True)
UNDERSTOOD = Wanted(understanding=True)


def conversation(wanted=INTERIMS, seen=(), flushes=0):
    return Conversation(wanted, Stream("r"), seen, flushes)


def hear(dialogue, *records, topic=TRANSCRIPTS):
    return [message for record in records for message in dialogue.hear(topic, record)]


def told(messages):
    """Returns what a listener makes of them."""
    return [
        (
            "final" if message["is_final"] else "interim",
            message["channel"]["alternatives"][0]["transcript"],
            message["sequence_id"],
        )
        if message["type"] == "Results"
        else message["type"]
        for message in messages
    ]


def interim(text, segment=0, revision=1, start=0, **more):
    return transcript("INTERIM", text, segment, start, revision=revision, **more)


def final(text, segment=0, start=0, **more):
    return transcript("FINAL", text, segment, start, **more)


def flushed(sequence, segment=0, end_sample=SECOND, **more):
    return transcript("FLUSHED", "", segment, end_sample, end_sample, id=flush_id("s", 0, sequence), **more)


def letter(record, **more):
    return {
        "stage": "nlu",
        "session_id": "s",
        "key": b"s/0",
        "topic": TRANSCRIPTS,
        "value": encode(TRANSCRIPTS, record),
        **more,
    }


def test_speech_from_its_start_to_its_end():
    dialogue = conversation()
    messages = hear(dialogue, interim("Hello"), interim("Hello there", revision=2), final("Hello there."), end())
    assert told(messages) == [
        "SpeechStarted",
        ("interim", "hello", 0),
        ("interim", "hello there", 0),
        ("final", "hello there", 1),
    ]
    assert dialogue.over
    assert dialogue.error is None


def test_what_is_read_twice_is_told_once():
    records = [interim("One"), final("One."), flushed(7, 1), interim("Two", 1, start=SECOND), final("Two.", 1, SECOND)]
    dialogue = conversation()
    first = hear(dialogue, *records)
    assert hear(dialogue, *records) == []
    again = conversation()
    assert [message for record in records for message in hear(again, record, record)] == first


def test_an_end_that_comes_twice_is_told_once():
    dialogue = conversation(UNDERSTOOD)
    one, last = final("One."), end(1, 2 * SECOND)
    assert hear(dialogue, one, last, last) == []
    messages = hear(dialogue, understanding(one), topic=UNDERSTANDING)
    assert told(messages) == [("final", "one", 1), ("final", "", 1)]
    assert dialogue.over


def test_who_comes_back_is_told_what_was_missed_and_nothing_else():
    history = [interim("One"), final("One."), interim("Two", 1, start=SECOND), final("Two.", 1, SECOND)]
    assert told(hear(conversation(seen=(1,)), *history)) == [
        "SpeechStarted",
        ("interim", "two", 1),
        ("final", "two", 2),
    ]
    assert hear(conversation(seen=(2,)), *history) == []


def test_who_comes_back_is_told_from_where_the_last_final_ended():
    (message,) = hear(conversation(Wanted(), seen=(1,)), final("One."), final("Two.", 1, 2 * SECOND))
    assert (message["start"], message["duration"]) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("wording", "word_ends"),
    [
        (Wording(), [1.6875]),
        (Wording(punctuated=True, numerals=True, profanity_filter=True), [1.6875]),
        (Wording(replacements=(Replacement(("hundred",), ()),)), [1.4375]),
        (Wording(redaction=Redaction(frozenset({"PERSON"}))), []),
    ],
    ids=["plain", "edited", "left out", "withheld"],
)
def test_an_utterance_ends_where_it_would_have_for_who_has_seen_its_final(wording, word_ends):
    for seen in ((), (1,)):
        dialogue = Conversation(Wanted(utterance_end_ms=1_000), Stream("r", wording), seen, 0)
        hear(dialogue, final("Oh shit, twenty seven point five hundred.", end=2 * SECOND))
        assert [each["last_word_end"] for each in dialogue.audio_reached(9.0, heard_s=9.0)] == word_ends


def test_what_was_seen_is_not_written_again(monkeypatch):
    written = []
    whole = conversation_module.shaped

    def shaped(record, *more):
        written.append(record["segment"])
        return whole(record, *more)

    monkeypatch.setattr(conversation_module, "shaped", shaped)
    dialogue = Conversation(Wanted(), Stream("r", Wording(numerals=True)), (2,), 0)
    hear(dialogue, final("One."), final("Two.", 1, SECOND), final("Three.", 2, 2 * SECOND))
    assert written == [2]


def test_each_channel_goes_on_from_its_own():
    records = [
        final("Left.", channel=0, channels=2),
        final("Right.", channel=1, channels=2),
        final("More.", 1, SECOND, channel=1, channels=2),
    ]
    assert told(hear(conversation(Wanted(), seen=(1,)), *records)) == [("final", "right", 1), ("final", "more", 2)]
    assert told(hear(conversation(Wanted(), seen=(0, 1)), *records)) == [("final", "left", 1), ("final", "more", 2)]


def test_a_finalize_is_answered_by_the_final_that_it_closed():
    (message,) = hear(conversation(Wanted()), final("One.", flushed=True), flushed(3, 1))
    assert message["from_finalize"]


def test_a_finalize_that_closed_nothing_is_answered_all_the_same():
    messages = hear(conversation(Wanted()), final("One."), flushed(3, 1), flushed(5, 1))
    assert [message["from_finalize"] for message in messages] == [False, True, True]


def test_finalizes_of_former_connections_are_not_answered_again():
    dialogue = conversation(Wanted(), seen=(1,), flushes=2)
    assert hear(dialogue, final("One.", flushed=True), flushed(3, 1), flushed(5, 1)) == []
    (message,) = hear(dialogue, flushed(8, 1))
    assert message["from_finalize"]


def test_a_final_that_a_former_finalize_closed_does_not_answer_the_next_one():
    dialogue = conversation(Wanted(), seen=(1,), flushes=1)
    hear(dialogue, final("One.", flushed=True))
    messages = hear(dialogue, flushed(3, 1), flushed(5, 1))
    assert [message["from_finalize"] for message in messages] == [True]


def test_finals_wait_for_what_is_said_of_them_and_keep_their_order():
    dialogue = conversation(UNDERSTOOD)
    one, two = final("One."), final("Two.", 1, SECOND)
    assert hear(dialogue, one, two) == []
    assert hear(dialogue, understanding(two), topic=UNDERSTANDING) == []
    assert told(hear(dialogue, understanding(one), topic=UNDERSTANDING)) == [("final", "one", 1), ("final", "two", 2)]


@pytest.mark.parametrize("early", [True, False])
def test_what_nlu_has_given_up_is_waited_for_no_longer(early):
    one, two = final("One."), final("Two.", 1, SECOND)
    dialogue = conversation(UNDERSTOOD)
    given_up = [(DEAD_LETTERS, letter(two)), (DEAD_LETTERS, letter(two))]
    heard = [(TRANSCRIPTS, one), (TRANSCRIPTS, two)]
    for topic, record in [*given_up, *heard] if early else [*heard, *given_up]:
        # One letter, however often it is read, gives up one final.
        assert list(dialogue.hear(topic, record)) == []
    assert told(hear(dialogue, understanding(one), topic=UNDERSTANDING)) == [("final", "one", 1), ("final", "two", 2)]


@pytest.mark.parametrize("more", [{"value": b"garbage"}, {"value": None}, {"key": b"s/1"}, {"key": b"other/0"}])
def test_other_dead_letters_say_nothing_of_a_final(more):
    dialogue = conversation(UNDERSTOOD)
    one = final("One.")
    hear(dialogue, one)
    assert hear(dialogue, letter(one, **more), topic=DEAD_LETTERS) == []


def test_an_utterance_end_is_told_once_however_it_is_found():
    dialogue = conversation(Wanted(utterance_end_ms=1_000))
    hear(dialogue, final("One."))
    assert told(dialogue.audio_reached(60.0, heard_s=1.0)) == []
    assert told(dialogue.audio_reached(60.0, heard_s=2.5)) == ["UtteranceEnd"]
    assert told(dialogue.audio_reached(60.0, heard_s=5.0)) == []
    assert told(hear(dialogue, final("Two.", 1, 6 * SECOND))) == [("final", "two", 2)]


def test_no_utterance_ends_in_speech_that_was_heard_behind_a_cut():
    dialogue = conversation(Wanted(utterance_end_ms=1_000))
    list(dialogue.audio_reached(20.0, heard_s=18.5))
    hear(dialogue, final("One.", end=13 * SECOND, speech_final=False))
    assert list(dialogue.audio_reached(21.0, heard_s=19.5)) == []
    assert told(dialogue.audio_reached(22.5, heard_s=21.0)) == ["UtteranceEnd"]


def test_while_somebody_speaks_no_utterance_ends():
    dialogue = conversation(Wanted(utterance_end_ms=1_000))
    hear(dialogue, final("One."), interim("Two", 1, start=3 * SECOND))
    assert list(dialogue.audio_reached(9.0, heard_s=9.0)) == []


def test_replays_beside_the_session_are_no_results_of_it():
    assert hear(conversation(), final("One.", variant="base")) == []


def test_how_it_ended():
    dialogue = conversation()
    hear(dialogue, end(0, 5 * SECOND, reason="IDLE_TIMEOUT"))
    assert (dialogue.over, dialogue.idle, dialogue.length_samples) == (True, True, 5 * SECOND)


def test_numbers_are_written_as_was_asked_last():
    dialogue = conversation()
    (before,) = hear(dialogue, final("In eighteen thirteen."))[-1:]
    (answer,) = dialogue.configure({"type": "Configure", "keyterms": None, "features": {"numerals": True}})
    (after,) = hear(dialogue, final("In eighteen thirteen.", 1, SECOND))[-1:]
    assert answer == {"type": "ConfigureSuccess", "request_id": "r", "keyterms": []}
    texts = [message["channel"]["alternatives"][0]["transcript"] for message in (before, after)]
    assert "eighteen thirteen" in texts[0]
    assert "1813" in texts[1]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"keyterms": ["Josefine"]}, "CONFIGURE_KEYTERMS_NOT_SUPPORTED"),
        ({"features": {"numerals": "yes"}}, "CONFIGURE_INTERNAL_ERROR"),
        ({"features": {"diarize": True}}, "CONFIGURE_INTERNAL_ERROR"),
        ({"features": [1]}, "CONFIGURE_INTERNAL_ERROR"),
        ({"language": "de"}, "CONFIGURE_INTERNAL_ERROR"),
    ],
)
def test_what_cannot_be_configured_is_refused(content, code):
    (answer,) = conversation().configure({"type": "Configure", **content})
    assert (answer["type"], answer["code"]) == ("ConfigureFailure", code)
