import pytest
from made_speech import SECOND, end, session, transcript
from openai.types.audio.transcription import Transcription
from openai.types.audio.transcription_verbose import TranscriptionVerbose

from josefine_gateway.shape import openai


@pytest.fixture
def told():
    return session(
        transcript(text="Hello there."),
        transcript(text="Good < bye!", segment=1, start=5 * SECOND),
        end(2, 10 * SECOND),
    )


def test_json_and_text(told):
    body = openai.json_document(told)

    Transcription.model_validate(body)
    assert body == {"text": "Hello there. Good < bye!", "usage": {"type": "duration", "seconds": 10}}
    assert openai.text_document(told) == "Hello there. Good < bye!\n"


def test_verbose(told):
    body = openai.verbose_document(told, "en", {"word", "segment"})

    verbose = TranscriptionVerbose.model_validate(body, strict=True)
    assert (verbose.language, verbose.duration) == ("english", 10.0)
    assert [(segment.id, segment.text, segment.seek) for segment in verbose.segments] == [
        (0, " Hello there.", 0),
        (1, " Good < bye!", 500),
    ]
    assert verbose.segments[0].avg_logprob == pytest.approx(-0.1054, abs=1e-4)
    assert [word.word for word in verbose.words][-1] == "bye!"


def test_only_the_asked_granularities(told):
    assert "words" not in openai.verbose_document(told, "en")
    assert "segments" not in openai.verbose_document(told, "en-GB", ["word"])


def test_captions(told):
    assert openai.caption_document(told, "srt").startswith("1\n00:00:00,000 --> ")
    assert openai.caption_document(told, "vtt").startswith("WEBVTT")
    assert "Good &lt; bye!" in openai.caption_document(told, "vtt")


def test_silence():
    silence = session(end(0, SECOND))

    assert openai.json_document(silence)["text"] == ""
    assert openai.verbose_document(silence, "de")["segments"] == []
    assert openai.verbose_document(silence, "de")["language"] == "de"
    assert openai.caption_document(silence, "vtt") == "WEBVTT\n"
