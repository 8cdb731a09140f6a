"""What is taken for the text of POST /v1/read."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from josefine_gateway.read_route import _text

PARTS = SimpleNamespace(settings=SimpleNamespace(slow_sender_s=60.0))


def text_of(body):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json")]
    return asyncio.run(_text(PARTS, Request({"type": "http", "method": "POST", "headers": headers}, receive)))


def test_a_pair_of_surrogates_is_one_character():
    assert text_of(rb'{"text": "hi \ud83d\ude00 there"}') == "hi \N{GRINNING FACE} there"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (rb'{"text": "hi \ud83d there"}', "text: character 3 is half of a surrogate pair"),
        (rb'{"text": "\ude00\ud83d"}', "text: character 0 is half of a surrogate pair"),
    ],
)
def test_half_of_a_pair_is_refused_where_it_stands(body, line):
    with pytest.raises(HTTPException) as refusal:
        text_of(body)
    assert (refusal.value.status_code, refusal.value.detail) == (400, line)
