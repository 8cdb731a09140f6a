"""The real openai package against the real gateway."""

import re

import openai
import pytest

SAID = re.compile(r"in 1813", re.IGNORECASE)


@pytest.fixture
def transcribe(gateway, sample_path):
    """Transcribes a second and a half of speech."""
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)

    def transcribed(**options):
        usual = {"file": sample_path("lj002-0020.wav"), "model": "whisper-1"}
        return client.audio.transcriptions.create(**{**usual, **options})

    return transcribed


def test_json_is_the_text(transcribe):
    answer = transcribe()
    assert SAID.match(answer.text)
    assert (answer.usage.type, answer.usage.seconds) == ("duration", 2)


def test_the_prompt_is_what_came_before(transcribe):
    said = f"{'And then? ' * 100} Eighteen twelve, eighteen thirteen, eighteen fourteen"
    assert transcribe(prompt=said).text.lower().startswith("in eighteen thirteen")


def test_verbose_json_has_words_and_segments(transcribe):
    answer = transcribe(response_format="verbose_json", timestamp_granularities=["word", "segment"], language="en")
    assert SAID.match(answer.text)
    assert (answer.language, answer.duration) == ("english", pytest.approx(1.54, abs=0.01))
    assert " ".join(word.word for word in answer.words) == answer.text
    assert all(0 <= word.start < word.end <= answer.duration for word in answer.words)
    [segment] = answer.segments
    assert (segment.id, segment.start, segment.text.strip()) == (0, answer.words[0].start, answer.text)
    assert segment.avg_logprob < 0


def test_verbose_json_has_segments_unless_words_are_asked_for(transcribe):
    assert transcribe(response_format="verbose_json").words is None
    assert transcribe(response_format="verbose_json", timestamp_granularities=["word"]).segments is None


@pytest.mark.parametrize(
    ("form", "begin"), [("text", "In"), ("srt", "1\n00:00:00,"), ("vtt", "WEBVTT\n\n00:00:00.")], ids=str.strip
)
def test_documents_are_text(transcribe, form, begin):
    document = transcribe(response_format=form)
    assert document.startswith(begin)
    assert SAID.search(document)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"response_format": "docx"}, "response_format"),
        ({"response_format": "verbose_json", "timestamp_granularities": ["letter"]}, "timestamp_granularities"),
        ({"model": "unheard-of"}, "model"),
        ({"language": "de"}, "language"),
        ({"temperature": 0.5}, "temperature"),
        ({"extra_body": {"temperature": "hot"}}, "temperature"),
        ({"extra_body": {"unheard_of": "1"}}, "unheard_of"),
        ({"file": ("noise.wav", bytes(range(256)) * 40)}, None),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_a_bad_request(transcribe, options, param):
    with pytest.raises(openai.BadRequestError) as refused:
        transcribe(**options)
    assert (refused.value.type, refused.value.param) == ("invalid_request_error", param)


def test_fields_in_the_query_are_not_passed_over(transcribe):
    with pytest.raises(openai.BadRequestError) as refused:
        transcribe(extra_query={"language": "de"})
    assert refused.value.param == "language"


def test_a_key_that_is_unknown_opens_nothing(strict_gateway, sample_path):
    client = openai.OpenAI(base_url=f"{strict_gateway.url}/v1", api_key="unknown", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        client.audio.transcriptions.create(file=sample_path("lj002-0020.wav"), model="whisper-1")
