"""Texts from the real deepgram-sdk to the real gateway."""

import pytest
from deepgram.errors import BadRequestError
from deepgram.types.read_v1response import ReadV1Response
from gateway_kit import deepgram_at, require_signed

TEXT = "I love this voice. It is wonderful!"


def test_a_text_is_felt(deepgram):
    answer = deepgram.read.v1.text.analyze(request={"text": TEXT}, language="en", sentiment=True, tag="x")
    ReadV1Response.model_validate(answer.dict())
    [segment] = answer.results.sentiments.segments
    assert (segment.text, segment.start_word, segment.end_word) == (TEXT, 0, 6)
    assert segment.sentiment == answer.results.sentiments.average.sentiment == "positive"
    assert answer.metadata.metadata.sentiment_info.input_tokens == 7
    assert answer.metadata.metadata.language == "en"


def test_without_options_nothing_is_said_of_it(deepgram):
    assert deepgram.read.v1.text.analyze(request={"text": TEXT}, language="en").results.sentiments is None


@pytest.mark.parametrize(
    ("option", "value"),
    [("topics", True), ("intents", True), ("summarize", True), ("custom_topic", "mice"), ("language", "de")],
)
def test_what_cannot_be_read_is_refused_by_name(deepgram, option, value):
    with pytest.raises(BadRequestError) as refused:
        deepgram.read.v1.text.analyze(request={"text": TEXT}, **{"language": "en", option: value})
    assert refused.value.body["err_msg"].startswith(f"{option}: ")


def test_a_callback_gets_the_answer(strict_gateway, samples_server):
    accepted = deepgram_at(strict_gateway).read.v1.text.analyze(
        request={"text": TEXT}, language="en", sentiment=True, callback=f"{samples_server.url}/read"
    )
    told = samples_server.told()
    require_signed(told)
    answer = ReadV1Response.model_validate(told.content)
    assert answer.metadata.metadata.request_id == accepted.request_id
    assert answer.results.sentiments.average.sentiment == "positive"
