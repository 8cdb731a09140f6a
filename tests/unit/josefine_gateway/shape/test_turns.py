import pytest
from deepgram.listen.v2.types.listen_v2configure_failure import ListenV2ConfigureFailure
from deepgram.listen.v2.types.listen_v2configure_success import ListenV2ConfigureSuccess
from deepgram.listen.v2.types.listen_v2connected import ListenV2Connected
from deepgram.listen.v2.types.listen_v2fatal_error import ListenV2FatalError
from deepgram.listen.v2.types.listen_v2turn_info import ListenV2TurnInfo
from deepgram.listen.v2.types.listen_v2warning import ListenV2Warning
from hypothesis import given
from hypothesis import strategies as st
from made_speech import SECOND, end, transcript

from josefine_gateway.shape.turns import Thresholds, Turns
from josefine_gateway.shape.wording import Wording
from josefine_gateway.shape.words import Shaped, shaped

EAGER = Thresholds(eager_eot_threshold=0.5)


def hear(turns, record):
    said = shaped(record, None, turns.wording) if record["kind"] in {"INTERIM", "FINAL"} else Shaped()
    frames = turns.hear(record, said)
    for frame in frames:
        ListenV2TurnInfo.model_validate(frame)
    return frames


def events(frames):
    return [(frame["event"], frame["turn_index"], frame["transcript"]) for frame in frames]


def interim(text, segment=0, start=0, stable=0, end=None):
    return transcript("INTERIM", text, segment, start, end, stable_words=stable)


def test_a_turn():
    turns = Turns("r", Thresholds())
    connected = turns.connected()
    ListenV2Connected.model_validate(connected)

    frames = [
        *hear(turns, interim("Hello")),
        *hear(turns, interim("Hello there", end=2 * SECOND)),
        *hear(turns, transcript(text="Hello there.", end=3 * SECOND)),
        *hear(turns, interim("Next", segment=1, start=4 * SECOND)),
    ]

    assert events(frames) == [
        ("StartOfTurn", 0, "Hello"),
        ("Update", 0, "Hello there"),
        ("EndOfTurn", 0, "Hello there."),
        ("StartOfTurn", 1, "Next"),
    ]
    assert [frame["sequence_id"] for frame in [connected, *frames]] == [0, 1, 2, 3, 4]
    assert [frame.get("trigger") for frame in frames] == [None, None, "model", None]
    assert frames[2]["words"][1] == {"word": "there.", "confidence": 0.9, "start": 0.25, "end": 0.4375}
    assert frames[2]["end_of_turn_confidence"] == 1.0
    assert (frames[3]["audio_window_start"], frames[3]["audio_window_end"]) == (3.0, 5.0)


def test_a_turn_begins_where_the_last_one_ended_however_much_audio_came_since():
    turns = Turns("r", Thresholds())
    turns.listen(9 * SECOND, 9 * SECOND)
    [_, over] = hear(turns, transcript(text="One.", end=SECOND))
    [start] = hear(turns, interim("Two", segment=1, start=2 * SECOND))

    assert (over["event"], over["audio_window_end"]) == ("EndOfTurn", 9.0)
    assert (start["event"], start["audio_window_start"]) == ("StartOfTurn", 1.0)


def test_a_turn_longer_than_a_segment():
    turns = Turns("r", Thresholds())
    cut = transcript(text="One two", speech_final=False)

    frames = [*hear(turns, cut), *hear(turns, transcript(text="three.", segment=1, start=SECOND))]

    assert events(frames) == [("StartOfTurn", 0, "One two"), ("EndOfTurn", 0, "One two three.")]


def test_eager_ends_are_repeated_or_taken_back():
    turns = Turns("r", EAGER)

    frames = [
        *hear(turns, interim("Yes.", stable=1)),
        *hear(turns, interim("Yes. But", stable=1)),
        *hear(turns, interim("Yes. But no.", stable=3)),
        *hear(turns, transcript(text="Yes. But no.")),
    ]

    assert events(frames) == [
        ("StartOfTurn", 0, "Yes."),
        ("EagerEndOfTurn", 0, "Yes."),
        ("TurnResumed", 0, "Yes. But"),
        ("EagerEndOfTurn", 0, "Yes. But no."),
        ("EndOfTurn", 0, "Yes. But no."),
    ]


def test_a_final_that_differs_takes_an_eager_end_back():
    turns = Turns("r", EAGER)

    frames = [*hear(turns, interim("Yes.", stable=1)), *hear(turns, transcript(text="Yes, sir."))]

    assert [event for event, _, _ in events(frames)] == ["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]


def test_no_eager_events_unless_asked():
    frames = hear(Turns("r", Thresholds()), interim("Yes.", stable=1))

    assert [frame["event"] for frame in frames] == ["StartOfTurn"]


def test_a_forced_end_is_manual():
    turns = Turns("r", Thresholds())
    hear(turns, interim("Stop"))

    [frame] = hear(turns, transcript(text="Stop.", flushed=True))
    again = hear(turns, transcript(text="More.", segment=1, start=SECOND))

    assert (frame["event"], frame["trigger"]) == ("EndOfTurn", "manual")
    assert again[-1]["trigger"] == "model"
    assert hear(turns, transcript("FLUSHED", "", segment=2)) == []


def test_a_turn_whose_rest_does_not_come_ends_by_time():
    turns = Turns("r", Thresholds(eot_timeout_ms=1_000))
    hear(turns, transcript(text="One two", speech_final=False, end=7_000))

    assert turns.listen(7_000 + SECOND // 8, 0) == []
    [update] = turns.listen(7_000 + SECOND, 7_000)
    [over] = turns.listen(7_000 + 2 * SECOND, 7_000 + SECOND)

    assert (update["event"], over["event"], over["trigger"]) == ("Update", "EndOfTurn", "timeout")


def test_a_turn_does_not_end_in_speech_that_was_heard_behind_a_cut():
    turns = Turns("r", Thresholds(eot_timeout_ms=5_000))
    turns.listen(20 * SECOND, 18 * SECOND)
    hear(turns, transcript(text="One two", speech_final=False, end=13 * SECOND))

    assert events(turns.listen(21 * SECOND, 20 * SECOND)) == [("Update", 0, "One two")]
    assert events(hear(turns, interim("three", segment=1, start=13 * SECOND, end=21 * SECOND)))[0][0] == "Update"
    assert events(hear(turns, transcript(text="three.", segment=1, start=13 * SECOND))) == [
        ("EndOfTurn", 0, "One two three.")
    ]


def test_updates_go_on_in_silence_a_quarter_second_apart():
    turns = Turns("r", Thresholds())

    frames = [frame for at in range(0, SECOND + 1, SECOND // 40) for frame in turns.listen(at, at)]

    assert events(frames) == [("Update", 0, "")] * 4
    assert frames[-1]["audio_window_end"] == 1.0


def test_the_end_closes_a_turn():
    turns = Turns("r", Thresholds())
    hear(turns, transcript(text="One two", speech_final=False))

    assert [frame["event"] for frame in hear(turns, end())] == ["EndOfTurn"]
    assert hear(turns, end()) == []


def test_words_that_were_a_mistake_end_their_turn_without_words():
    turns = Turns("r", EAGER)
    hear(turns, interim("Hm.", stable=1))

    assert events(hear(turns, transcript(text=""))) == [("TurnResumed", 0, ""), ("EndOfTurn", 0, "")]


def test_settings_and_troubles():
    turns = Turns("r", Thresholds())
    frames = [
        turns.configured(EAGER, Wording(punctuated=True, numerals=True)),
        turns.not_configured("INVALID", "no"),
        turns.warning("SLOW", "no"),
        turns.fatal("GONE", "no"),
    ]

    success = ListenV2ConfigureSuccess.model_validate(frames[0])
    ListenV2ConfigureFailure.model_validate(frames[1])
    ListenV2Warning.model_validate(frames[2])
    ListenV2FatalError.model_validate(frames[3])
    assert (success.thresholds.eager_eot_threshold, success.numerals) == (0.5, True)
    assert [frame["sequence_id"] for frame in frames] == [0, 1, 2, 3]
    assert hear(turns, transcript(text="Twenty five."))[0]["transcript"] == "25."


TEXTS = st.sampled_from(["", "Yes.", "Yes. But", "No?", "well"])
STEPS = st.tuples(
    st.sampled_from(["INTERIM", "INTERIM", "FINAL", "FLUSHED", "LISTEN"]), TEXTS, st.booleans(), st.booleans()
)


@given(st.lists(STEPS, max_size=25), st.sampled_from([Thresholds(), EAGER, Thresholds(eot_timeout_ms=500)]))
def test_invariants_of_the_protocol(steps, thresholds):
    turns, at, segment = Turns("r", thresholds), 0, 0
    frames = [turns.connected()]
    for kind, text, speech_final, flushed in [*steps, ("END", "", False, False)]:
        at += SECOND
        if kind == "LISTEN":
            frames += turns.listen(at, at)
        elif kind in {"FLUSHED", "END"}:
            frames += hear(turns, transcript(kind, "", segment, end=at))
        elif kind == "INTERIM":
            frames += hear(turns, interim(text, segment, at, stable=len(text.split()), end=at))
        else:
            more = {"speech_final": speech_final, "flushed": flushed and speech_final}
            frames += hear(turns, transcript("FINAL", text, segment, at, at, **more))
            segment += 1
    check(frames, eager_asked=thresholds.eager_eot_threshold is not None)


def check(frames, *, eager_asked):
    assert [frame["sequence_id"] for frame in frames] == list(range(len(frames)))
    index, started, eager = 0, False, None
    for frame in frames[1:]:
        event = frame["event"]
        assert frame["turn_index"] == index
        assert ("trigger" in frame) == (event == "EndOfTurn")
        assert 0 <= frame["end_of_turn_confidence"] <= 1
        assert started is (event != "StartOfTurn") or (event == "Update" and not frame["transcript"])
        if event == "StartOfTurn":
            assert frame["transcript"]
            started = True
        elif event == "EagerEndOfTurn":
            assert eager_asked
            assert eager is None
            assert frame["transcript"]
            eager = frame["transcript"]
        elif event == "TurnResumed":
            assert eager is not None
            eager = None
        elif event == "EndOfTurn":
            assert eager in (None, frame["transcript"])
            index, started, eager = index + 1, False, None
    assert not started


@pytest.mark.parametrize("threshold", [0.3, 0.9])
def test_every_eager_threshold_can_be_reached(threshold):
    turns = Turns("r", Thresholds(eot_threshold=1.0, eager_eot_threshold=threshold))
    frames = [*hear(turns, interim("Yes.", stable=1)), *hear(turns, interim("Yes.", stable=1))]

    assert "EagerEndOfTurn" in [frame["event"] for frame in frames]
