import json

import pytest

from josefine_cli.output import Format, document, rendered
from josefine_client.results import SessionResult


def test_json_is_one_object_on_one_line(result):
    text = rendered("talk.wav", result, Format.JSON)

    assert text.count("\n") == 1
    shown = json.loads(text)
    assert shown["file"] == "talk.wav"
    assert shown["duration_s"] == 3.0
    assert shown["transcript"] == "Anna called. Good day."
    assert shown["redacted_transcript"] == "<PERSON> called. Good day."
    first = shown["words"][0]
    assert first == {"word": "anna", "punctuated_word": "Anna", "start": 0.5, "end": 0.8, "confidence": 0.9}
    assert [(s["start"], s["end"], s["text"]) for s in shown["segments"]] == [
        (0.5, 1.4, "Anna called."),
        (2.0, 2.6, "Good day."),
    ]
    assert shown["segments"][0]["redacted_text"] == "<PERSON> called."
    assert [(e["label"], e["text"], e["start"]) for e in shown["entities"]] == [("PERSON", "Anna", 0.5)]
    assert shown["sentiment"] == {"label": "POSITIVE", "score": 0.5}
    assert shown["gaps"] == []
    assert shown["error"] is None
    assert "channels" not in shown


def test_channels_are_merged_by_time_and_stand_apart_too(two_channels):
    shown = document("call.wav", two_channels)

    assert shown["transcript"] == "Hello? Yes. Bye."
    assert [each["transcript"] for each in shown["channels"]] == ["Hello? Bye.", "Yes."]
    assert rendered("call.wav", two_channels, Format.TEXT).splitlines() == [
        "[channel 0] Hello?",
        "[channel 1] Yes.",
        "[channel 0] Bye.",
    ]


def test_gaps_and_errors_are_in_the_document(records):
    done = SessionResult("s", want_understanding=False)
    gap = {"start_sample": 16_000, "samples": 8_000, "reason": "decode_error"}
    done.add_transcript(records.final(0, [records.word("so", 0, 1)], gaps=[gap]))
    done.add_transcript(records.end(2.0, reason="ERROR", error={"code": "decode_error", "message": "broken"}))

    shown = document("f", done)

    assert shown["gaps"] == [{"channel": 0, "start": 1.0, "duration": 0.5, "reason": "decode_error"}]
    assert shown["error"] == {"code": "decode_error", "message": "broken"}
    assert shown["redacted_transcript"] is None
    assert shown["sentiment"] is None


def test_text_is_one_line(result):
    assert rendered("talk.wav", result, Format.TEXT) == "Anna called. Good day.\n"


@pytest.mark.parametrize(("format_", "head"), [(Format.SRT, "1\n00:00:00,500 -->"), (Format.VTT, "WEBVTT")])
def test_captions_begin_as_their_format_does(result, format_, head):
    text = rendered("talk.wav", result, format_)

    assert text.startswith(head)
    assert "Anna called." in text


def test_silence_is_an_empty_text_and_an_object_without_words(records):
    silent = SessionResult("s", want_understanding=False)
    silent.add_transcript(records.end(3.0))

    assert rendered("f", silent, Format.TEXT) == ""
    shown = document("f", silent)
    assert (shown["transcript"], shown["words"], shown["duration_s"]) == ("", [], 3.0)
