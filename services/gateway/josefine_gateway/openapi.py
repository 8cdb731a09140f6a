"""What the OpenAPI document says of routes that read their request themselves: made of the models that check it."""

from typing import Any, Final

from pydantic import BaseModel

from josefine_gateway.listen.options import RecordedOptions
from josefine_gateway.listen.read_options import ReadOptions

DESCRIPTION: Final = """Speech goes in, transcripts and understanding come out.

Live speech goes to the WebSocket `/v1/listen` (Deepgram's protocol; `/v2/listen` for turns), which this document cannot
describe: see the README. Every answer has a `dg-request-id`."""
_KEY: Final[list[dict[str, list[str]]]] = [{"ApiKey": []}, {}]
_LEGACY: Final = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("err_code", "err_msg", "request_id")},
    "required": ["err_code", "err_msg", "request_id"],
}
_OPENAI: Final = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
    "required": ["error"],
}
_REFUSALS: Final = {
    "400": "The request makes no sense, or asks for what the engine does not have; the message names the option.",
    "401": "No key, or one that opens nothing.",
    "403": "The key may not be used for this, or the page is of somebody else.",
    "408": "The body came too slowly.",
    "413": "Too large or too long.",
    "429": "As much as the key may have at a time; see Retry-After.",
    "503": "The log does not take audio, or the replica is full or about to end; see Retry-After.",
    "504": "The pipeline does not answer.",
}
_UNREAD: Final = {
    "414": "The line of a handshake is longer than 8 KiB.",
    "431": "The line and the headers of the request are longer than 16 KiB together.",
}
"""Refused before anybody knows of what route they are."""


def with_key(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the document with the scheme that its routes name."""
    scheme = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token KEY, or Bearer KEY"}
    document.setdefault("components", {})["securitySchemes"] = {"ApiKey": scheme}
    return document


def listen_operation() -> dict[str, Any]:
    """Returns what POST /v1/listen takes and answers."""
    audio = {"schema": {"type": "string", "format": "binary"}}
    body = {
        "application/json": {"schema": _object({"url": {"type": "string", "format": "uri"}}, ["url"])},
        "application/octet-stream": audio,
        "audio/*": audio,
    }
    answer = _object({"metadata": {"type": "object"}, "results": {"type": "object"}, "request_id": {"type": "string"}})
    return _operation(parameters(RecordedOptions), body, {"application/json": {"schema": answer}}, _LEGACY)


def read_operation() -> dict[str, Any]:
    """Returns what POST /v1/read takes and answers."""
    body = {"application/json": {"schema": _object({"text": {"type": "string"}, "url": {"type": "string"}})}}
    answer = _object({"metadata": {"type": "object"}, "results": {"type": "object"}}, ["metadata", "results"])
    return _operation(parameters(ReadOptions), body, {"application/json": {"schema": answer}}, _LEGACY)


def transcription_operation() -> dict[str, Any]:
    """Returns what OpenAI's route takes and answers."""
    form = _object(
        {
            "file": {"type": "string", "format": "binary"},
            "model": {"type": "string"},
            "language": {"type": "string"},
            "response_format": {"type": "string", "enum": ["json", "text", "srt", "vtt", "verbose_json"]},
            "timestamp_granularities[]": {"type": "array", "items": {"type": "string", "enum": ["word", "segment"]}},
        },
        ["file"],
    )
    answer = {
        "application/json": {"schema": _object({"text": {"type": "string"}}, ["text"])},
        "text/plain": {"schema": {"type": "string"}},
        "text/vtt": {"schema": {"type": "string"}},
        "application/x-subrip": {"schema": {"type": "string"}},
    }
    return _operation([], {"multipart/form-data": {"schema": form}}, answer, _OPENAI)


def parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Returns the query parameters of a model of options."""
    schema = model.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": about.get("description", ""),
            "schema": {key: value for key, value in about.items() if key not in {"description", "title"}},
        }
        for name, about in schema["properties"].items()
    ]


def _operation(
    query: list[dict[str, Any]], body: dict[str, Any], answer: dict[str, Any], refused: dict[str, Any]
) -> dict[str, Any]:
    refusals = {
        status: {"description": why, "content": {"application/json": {"schema": refused}}}
        for status, why in _REFUSALS.items()
    }
    unread = {
        status: {"description": why, "content": {"text/plain": {"schema": {"type": "string"}}}}
        for status, why in _UNREAD.items()
    }
    return {
        "parameters": query,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": {"description": "The answer.", "content": answer}, **refusals, **unread},
        "security": _KEY,
    }


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found
