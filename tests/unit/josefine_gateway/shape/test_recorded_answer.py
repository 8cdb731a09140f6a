import json
from itertools import pairwise

import pytest
from deepgram.types.listen_v1response import ListenV1Response
from deepgram_captions import DeepgramConverter, srt, webvtt
from hypothesis import given
from hypothesis import strategies as st
from made_speech import SECOND, end, heard, session, transcript, understanding

from josefine_gateway.shape.models import Model
from josefine_gateway.shape.recorded import Layout, recorded_answer
from josefine_gateway.shape.wording import Redaction, Wording

EVERYTHING = Layout(
    Wording(punctuated=True, numerals=True, entities=True, searches=(("the", "mouse"),)),
    paragraphs=True,
    utterances=True,
    sentiment=True,
)


def answer(result, layout, **facts):
    found = recorded_answer(result, heard(**facts), layout)
    ListenV1Response.model_validate(found)
    assert "null" not in json.dumps(found)
    return found


@pytest.fixture
def told():
    """Two finals of a story, three seconds apart."""
    first = transcript(text="The cat saw the mouse. It ran!")
    second = transcript(text="Anna Smith lives in Boston.", segment=1, start=5 * SECOND)
    return session(
        first,
        second,
        understanding(first, sentiment=0.5),
        understanding(second, [("Anna Smith", "PERSON")], [("Boston", "GPE")], sentiment=-0.2),
        end(2, 10 * SECOND),
    )


def test_a_plain_answer_has_what_was_asked_for_only(told):
    found = answer(told, Layout())

    assert found["metadata"] == {
        "transaction_key": "deprecated",
        "request_id": heard().request_id,
        "sha256": "00" * 32,
        "created": "2026-01-02T03:04:05.678Z",
        "duration": 10.0,
        "channels": 1,
        "models": [Model("tiny.en").uuid],
        "model_info": {Model("tiny.en").uuid: {"name": "tiny.en", "version": "1", "arch": "whisper"}},
    }
    [channel] = found["results"]["channels"]
    [alternative] = channel["alternatives"]
    assert set(found["results"]) == {"channels"}
    assert set(channel) == {"alternatives"}
    assert set(alternative) == {"transcript", "confidence", "words"}
    assert alternative["transcript"] == "the cat saw the mouse it ran anna smith lives in boston"
    assert all("punctuated_word" not in word for word in alternative["words"])


def test_an_answer_with_everything(told):
    results = answer(told, EVERYTHING)["results"]
    [alternative] = results["channels"][0]["alternatives"]

    assert alternative["words"][4]["punctuated_word"] == "mouse."
    assert [(entity["value"], entity["start_word"]) for entity in alternative["entities"]] == [("Boston", 11)]
    assert alternative["words"][11]["word"] == "boston"
    assert [hit["start"] for hit in results["channels"][0]["search"][0]["hits"]] == [0.75]
    assert [utterance["transcript"] for utterance in results["utterances"]] == [
        "The cat saw the mouse. It ran!",
        "Anna Smith lives in Boston.",
    ]
    assert results["sentiments"]["segments"][1] == {
        "text": "Anna Smith lives in Boston.",
        "start_word": 7,
        "end_word": 11,
        "sentiment": "negative",
        "sentiment_score": -0.2,
    }
    assert results["sentiments"]["average"]["sentiment"] == "positive"


def test_paragraphs(told):
    paragraphs = answer(told, EVERYTHING)["results"]["channels"][0]["alternatives"][0]["paragraphs"]

    assert paragraphs["transcript"] == "\nThe cat saw the mouse. It ran!\n\nAnna Smith lives in Boston."
    assert paragraphs["paragraphs"][0] == {
        "sentences": [
            {"text": "The cat saw the mouse.", "start": 0.0, "end": 1.1875},
            {"text": "It ran!", "start": 1.25, "end": 1.6875},
        ],
        "num_words": 7,
        "start": 0.0,
        "end": 1.6875,
    }


def test_what_is_hidden_is_nowhere_in_the_answer(told):
    wording = Wording(
        punctuated=True, redaction=Redaction(frozenset({"PERSON"})), entities=True, searches=(("anna", "smith"),)
    )

    found = answer(told, Layout(wording, paragraphs=True, utterances=True, sentiment=True))

    assert (
        "smith"
        not in json.dumps({**found["results"], "channels": found["results"]["channels"][0]["alternatives"]}).lower()
    )
    assert found["results"]["channels"][0]["search"] == [{"query": "anna smith", "hits": []}]
    assert "[PERSON_1] lives" in json.dumps(found)


def test_masks_are_counted_over_the_channel():
    finals = [transcript(text="I am Bob.", segment=at, start=at * SECOND) for at in (0, 1)]
    result = session(*finals, *(understanding(final, [("Bob", "PERSON")]) for final in finals))

    found = answer(result, Layout(Wording(redaction=Redaction(frozenset({"PERSON"})))))

    assert found["results"]["channels"][0]["alternatives"][0]["transcript"] == "i am [PERSON_1] i am [PERSON_2]"


def test_what_was_not_understood_is_left_out_of_a_redacted_text():
    known, unknown = transcript(text="I am Bob."), transcript(text="So am I.", segment=1, start=SECOND)
    result = session(known, unknown, understanding(known, [("Bob", "PERSON")]))

    found = answer(result, Layout(Wording(redaction=Redaction(frozenset({"PERSON"}))), sentiment=True))

    assert found["results"]["channels"][0]["alternatives"][0]["transcript"] == "i am [PERSON_1]"
    assert found["results"]["sentiments"] == {"segments": []}


def test_silence():
    found = answer(session(end(0, 10 * SECOND)), EVERYTHING)

    [alternative] = found["results"]["channels"][0]["alternatives"]
    assert (alternative["transcript"], alternative["confidence"], alternative["words"]) == ("", 0.0, [])
    assert alternative["paragraphs"] == {"transcript": "", "paragraphs": []}
    assert (alternative["entities"], found["results"]["utterances"]) == ([], [])
    assert found["results"]["sentiments"] == {"segments": []}


def test_channels_stand_apart_and_utterances_in_order_of_time():
    left = transcript(text="Hello.", channel=0, channels=2, start=SECOND)
    right = transcript(text="Good day.", channel=1, channels=2)

    results = answer(session(left, right), Layout(utterances=True), channels=2)["results"]

    assert [channel["alternatives"][0]["transcript"] for channel in results["channels"]] == ["hello", "good day"]
    assert [(utterance["channel"], utterance["transcript"]) for utterance in results["utterances"]] == [
        (1, "good day"),
        (0, "hello"),
    ]
    assert len({utterance["id"] for utterance in results["utterances"]}) == 2


@pytest.mark.parametrize("layout", [Layout(), EVERYTHING, Layout(utterances=True)])
def test_captions_are_made_of_the_answer(told, layout):
    found = answer(told, layout)

    assert "00:00:00,000 --> " in srt(DeepgramConverter(found))
    assert "mouse" in webvtt(DeepgramConverter(found))
    assert "oston" in srt(DeepgramConverter(found), line_length=4)


@given(st.lists(st.integers(0, 2 * SECOND), max_size=12), st.floats(0.05, 3.0))
def test_utterances_hold_every_word_once_in_order(pauses, split_s):
    finals, at = [], 0
    for segment, pause in enumerate(pauses):
        at += pause
        finals.append(transcript(text="so it goes", segment=segment, start=at, end=at + 11_000))
        at += 11_000

    results = answer(session(*finals), Layout(utterances=True, utt_split_s=split_s))["results"]

    words = results["channels"][0]["alternatives"][0]["words"]
    assert [word for utterance in results["utterances"] for word in utterance["words"]] == words
    assert all(left["end"] <= right["start"] for left, right in pairwise(words))
