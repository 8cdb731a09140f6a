"""What the gateway refuses, as deepgram-sdk tells it."""

import asyncio
from http import HTTPStatus

import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.errors import BadRequestError
from gateway_kit import deepgram_at, pieces
from websockets.exceptions import InvalidStatus

NOT_HERE = {
    "diarize": True,
    "diarize_model": "latest",
    "detect_language": True,
    "summarize": "v2",
    "topics": True,
    "intents": True,
    "dictation": True,
    "measurements": True,
    "filler_words": True,
    "keywords": "Josefine:2",
    "custom_topic": "mice",
    "custom_intent": "sing",
}


@pytest.mark.parametrize("option", NOT_HERE)
def test_an_option_that_is_not_there_is_refused_by_name(deepgram, option):
    with pytest.raises(BadRequestError) as refused:
        deepgram.listen.v1.media.transcribe_file(request=b"", **{option: NOT_HERE[option]})
    assert refused.value.body["err_code"] == "Bad Request"
    assert refused.value.body["err_msg"].startswith(f"{option}: ")
    assert refused.value.body["request_id"] == refused.value.headers["dg-request-id"]


@pytest.mark.parametrize("audio", [b"", bytes(range(256)) * 40, b"RIFF\0\0\0\0WAVEfmt "], ids=["none", "noise", "cut"])
def test_what_is_no_audio_is_a_bad_request(deepgram, audio):
    with pytest.raises(BadRequestError) as refused:
        deepgram.listen.v1.media.transcribe_file(request=audio)
    assert "failed to process audio" in refused.value.body["err_msg"]


def test_a_key_that_is_unknown_opens_nothing(strict_gateway):
    with pytest.raises(ApiError) as refused:
        deepgram_at(strict_gateway, key="unknown").listen.v1.media.transcribe_file(request=b"")
    assert refused.value.status_code == HTTPStatus.UNAUTHORIZED
    assert refused.value.body["err_code"] == "INVALID_AUTH"


def test_an_access_token_is_as_good_as_a_key(strict_gateway):
    client = deepgram_at(strict_gateway, key="unknown", access_token="any")
    assert client.read.v1.text.analyze(request={"text": "fine"}, language="en").metadata
    with client.listen.v1.connect(model="nova-3") as connection:
        connection.send_close_stream()


def test_a_key_opens_what_it_is_for(strict_gateway):
    reader = deepgram_at(strict_gateway, key="reader")
    with pytest.raises(ApiError) as refused:
        reader.listen.v1.media.transcribe_file(request=b"")
    assert refused.value.status_code == HTTPStatus.FORBIDDEN
    assert reader.read.v1.text.analyze(request={"text": "fine"}, language="en").metadata


@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
def test_a_recording_that_is_too_large_is_told_so(strict_gateway, in_pieces):
    audio = bytes(3 * 1024 * 1024)
    body = iter(pieces(audio)) if in_pieces else audio
    with pytest.raises(ApiError) as refused:
        deepgram_at(strict_gateway).listen.v1.media.transcribe_file(request=body)
    assert refused.value.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_a_key_has_so_many_sessions_at_a_time(strict_gateway):
    client = deepgram_at(strict_gateway, key="one-at-a-time")
    media = client.listen.v1.media  # imported here: the session says nothing, and is soon let go
    with client.listen.v1.connect(model="nova-3"), pytest.raises(ApiError) as refused:
        media.transcribe_file(request=b"")
    assert refused.value.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert int(refused.value.headers["retry-after"]) > 0


LIVE = [
    ({"diarize": True}, "diarize"),
    ({"keyterm": ["Josefine", "the mouse, who sings"]}, "keyterm"),
    ({"encoding": "amr-nb", "sample_rate": 8_000}, "encoding"),
    ({"encoding": "linear16"}, "sample_rate"),
    ({"utterance_end_ms": 1_000}, "utterance_end_ms"),
    ({"interim_results": True, "redact": "numbers"}, "redact"),
    ({"model": "unheard-of"}, "model"),
    ({"callback": "ftp://127.0.0.1/"}, "callback"),
    (
        {"callback": "http://127.0.0.1/", "request_options": {"additional_query_parameters": {"resume": "true"}}},
        "callback",
    ),
]


@pytest.mark.parametrize(("options", "option"), LIVE, ids=str)
def test_a_handshake_is_refused_by_name(deepgram, options, option):
    with pytest.raises(InvalidStatus) as refused, deepgram.listen.v1.connect(**{"model": "nova-3", **options}):
        pass
    assert refused.value.response.status_code == HTTPStatus.BAD_REQUEST
    assert f'"err_msg":"{option}: '.encode() in refused.value.response.body


@pytest.mark.parametrize(
    ("options", "option"),
    [({"keyterm": "mouse " * 50}, "keyterm"), ({"eot_threshold": 2}, "eot_threshold"), ({"redact": "pci"}, "redact")],
    ids=str,
)
def test_a_handshake_of_turns_is_refused_by_name(deepgram, options, option):
    with (
        pytest.raises(InvalidStatus) as refused,
        deepgram.listen.v2.connect(model="flux-general-en", encoding="linear16", sample_rate=16_000, **options),
    ):
        pass
    assert f'"err_msg":"{option}: '.encode() in refused.value.response.body


@pytest.mark.parametrize(("key", "status"), [("any", 400), ("unknown", 401), ("reader", 403)])
def test_a_refused_handshake_is_an_error_of_the_asynchronous_client(strict_gateway, key, status):
    async def connect():
        client = deepgram_at(strict_gateway, AsyncDeepgramClient, key)
        async with client.listen.v1.connect(model="nova-3", diarize=True):
            pass

    with pytest.raises(ApiError) as refused:
        asyncio.run(connect())
    assert refused.value.status_code == status


def test_nothing_goes_to_hosts_that_are_not_named(deepgram):
    elsewhere = {"callback": "http://127.0.0.1:9/"}
    asked = [
        lambda: deepgram.listen.v1.media.transcribe_url(url="http://127.0.0.1:9/"),
        lambda: deepgram.listen.v1.media.transcribe_file(request=b"", **elsewhere),
        lambda: deepgram.read.v1.text.analyze(request={"text": "hi"}, language="en", **elsewhere),
    ]
    for ask in asked:
        with pytest.raises(ApiError) as refused:
            ask()
        assert refused.value.body["err_code"] == "URL_REFUSED"
    with pytest.raises(InvalidStatus) as refused, deepgram.listen.v1.connect(model="nova-3", **elsewhere):
        pass
    assert b"URL_REFUSED" in refused.value.response.body
