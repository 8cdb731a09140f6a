from datetime import UTC, datetime

import pytest
from deepgram.listen.v1.types.listen_v1configure_failure import ListenV1ConfigureFailure
from deepgram.listen.v1.types.listen_v1configure_success import ListenV1ConfigureSuccess
from deepgram.listen.v1.types.listen_v1error import ListenV1Error
from deepgram.listen.v1.types.listen_v1metadata import ListenV1Metadata
from deepgram.listen.v1.types.listen_v1results import ListenV1Results
from deepgram.listen.v1.types.listen_v1speech_started import ListenV1SpeechStarted
from deepgram.listen.v1.types.listen_v1utterance_end import ListenV1UtteranceEnd
from hypothesis import given
from hypothesis import strategies as st
from made_speech import SECOND, end, heard, transcript, understanding

from josefine_gateway.shape import connection
from josefine_gateway.shape.gaps import Gap
from josefine_gateway.shape.live import Covered, Stream, results, sequence_ids, speech_started, utterance_end
from josefine_gateway.shape.models import Model
from josefine_gateway.shape.wording import Wording
from josefine_gateway.shape.words import Shaped, shaped

STREAM = Stream("r", Wording(punctuated=True))


def told(record, covered=None, stream=STREAM, understood=None, **more):
    message = results(stream, covered or Covered(), record, shaped(record, understood, stream.wording), **more)
    ListenV1Results.model_validate(message)
    return message


def test_a_final():
    final = transcript(text="Hello there.", segment=4, start=2 * SECOND, channel=1, channels=2)

    message = told(final, Covered(SECOND, 3))

    assert message == {
        "type": "Results",
        "channel_index": [1, 2],
        "start": 1.0,
        "duration": 2.0,
        "is_final": True,
        "speech_final": True,
        "from_finalize": False,
        "channel": {
            "alternatives": [
                {
                    "transcript": "Hello there.",
                    "confidence": 0.9,
                    "words": [
                        {"word": "hello", "start": 2.0, "end": 2.1875, "confidence": 0.9, "punctuated_word": "Hello"},
                        {"word": "there", "start": 2.25, "end": 2.4375, "confidence": 0.9, "punctuated_word": "there."},
                    ],
                }
            ]
        },
        "metadata": {
            "request_id": "r",
            "model_info": {"name": "tiny.en", "version": "1", "arch": "whisper"},
            "model_uuid": Model("tiny.en").uuid,
        },
        "sequence_id": 5,
    }


def test_an_interim_covers_from_the_last_final_and_carries_its_number():
    interim = transcript("INTERIM", segment=1, start=2 * SECOND, end=3 * SECOND)

    message = told(interim, Covered(SECOND, 1))

    assert (message["start"], message["duration"], message["sequence_id"]) == (1.0, 2.0, 1)
    assert [message[name] for name in ("is_final", "speech_final", "from_finalize")] == [False, False, False]


@pytest.mark.parametrize(
    ("record", "asked"),
    [
        (transcript(flushed=True), True),
        (transcript(), False),
        (transcript("FLUSHED", "", segment=3), True),
        (end(), False),
    ],
)
def test_what_answers_finalize_says_so(record, asked):
    assert told(record)["from_finalize"] is asked


def test_records_without_words_keep_the_number_of_the_last_final():
    covered = Covered(SECOND, 9)

    for record in (transcript("FLUSHED", "", segment=12, end=2 * SECOND), end(12, 2 * SECOND)):
        message = told(record, covered)
        assert (message["sequence_id"], message["start"], message["duration"]) == (9, 1.0, 1.0)
        assert message["channel"]["alternatives"] == [{"transcript": "", "confidence": 0.0, "words": []}]
        assert (message["is_final"], message["speech_final"]) == (True, False)


def test_entities_are_of_finals_only():
    stream = Stream("r", Wording(punctuated=True, entities=True))
    final = transcript(text="In Boston.")

    message = told(final, stream=stream, understood=understanding(final, entities=[("Boston", "GPE")]))

    assert [entity["value"] for entity in message["entities"]] == ["Boston"]
    assert told(final, stream=stream)["entities"] == []
    assert "entities" not in told(transcript("INTERIM"), stream=stream)
    assert "entities" not in told(end(), stream=stream)


def test_searches_and_extras_are_echoed():
    stream = Stream("r", Wording(searches=(("there",),)), {"order": "7"})

    message = told(transcript(text="Hello there."), stream=stream)

    assert message["channel"]["search"] == [
        {"query": "there", "hits": [{"confidence": 0.9, "start": 0.25, "end": 0.4375, "snippet": "there"}]}
    ]
    assert message["metadata"]["extra"] == {"order": "7"}


@given(st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=20), st.data())
def test_finals_tile_the_audio(lengths, data):
    covered, at, told_to = Covered(), 0, 0.0
    for segment, length in enumerate(lengths):
        at += data.draw(st.integers(0, SECOND))
        record = transcript(text="", segment=segment, start=at, end=at + length)
        at += length
        message = told(record, covered)
        covered = covered.by(record)
        assert message["start"] == pytest.approx(told_to, abs=1e-6)
        told_to = message["start"] + message["duration"]
    assert told_to == pytest.approx(at / SECOND, abs=1e-4)
    assert covered == covered.by(transcript(text="", segment=0, end=0))
    assert sequence_ids([covered, Covered()]) == (len(lengths), 0)


def test_speech_started_and_utterance_end():
    started = speech_started(transcript("INTERIM", start=SECOND // 2, channel=1, channels=2))
    ended = utterance_end(0, 1, SECOND)

    assert ListenV1SpeechStarted.model_validate(started).timestamp == 0.5
    assert started["channel"] == [1, 2]
    assert ListenV1UtteranceEnd.model_validate(ended).last_word_end == 1.0


def test_a_gap_is_told_once_and_only_after_words():
    gap = Gap(1_000)
    assert gap.due(99 * SECOND) is None

    spoken = gap.heard_words(shaped(transcript(text="Hello there."), None, Wording()).written)

    assert spoken.due(7_000 + SECOND - 1) is None
    assert spoken.due(7_000 + SECOND) == 7_000
    assert spoken.heard_words(()) == spoken
    assert spoken.told().due(99 * SECOND) is None


def test_metadata_is_the_last_word():
    message = connection.metadata(heard(tags=("a",), extra={"k": "v"}), "token")

    ListenV1Metadata.model_validate(message)
    assert message["created"] == "2026-01-02T03:04:05.678Z"
    assert message["model_info"] == {Model("tiny.en").uuid: Model("tiny.en").description}
    assert (message["tags"], message["extra"], message["resume_token"]) == (["a"], {"k": "v"}, "token")
    assert "tags" not in connection.metadata(heard(), "token")


def test_a_session_without_results_has_no_model():
    message = connection.metadata(heard(model=""), "token")

    ListenV1Metadata.model_validate(message)
    assert (message["models"], message["model_info"]) == ([], {})


def test_errors_and_settings():
    ListenV1Error.model_validate(connection.error("SchemaError", "not JSON", code="BAD"))
    ListenV1ConfigureSuccess.model_validate(connection.configure_success("r"))
    ListenV1ConfigureFailure.model_validate(
        connection.configure_failure("r", "CONFIGURE_KEYTERMS_NOT_SUPPORTED", "no keyterms")
    )
    assert "code" not in connection.error("SchemaError", "not JSON")


def test_frames_of_resuming():
    assert connection.session("r", "t", 320, None, resumed=True) == {
        "type": "Session",
        "request_id": "r",
        "resume_token": "t",
        "acknowledged": {"bytes": 320, "seconds": None},
        "resumed": True,
    }
    assert connection.acknowledged("t", 640, 0.02) == {
        "type": "Acknowledged",
        "bytes": 640,
        "seconds": 0.02,
        "resume_token": "t",
    }


def test_names_of_models_are_stable():
    assert Model("tiny.en").uuid == "69d3a7ed-08f7-552b-9bd9-5f5aa0968147"
    assert Model("base").uuid != Model("tiny.en").uuid


def test_a_moment_is_told_in_utc():
    assert heard(created=datetime(2026, 1, 1, tzinfo=UTC)).created.tzinfo is UTC


def test_nothing_is_shaped_of_nothing():
    assert (Shaped().transcript, Shaped().words, Shaped().confidence) == ("", [], 0.0)
