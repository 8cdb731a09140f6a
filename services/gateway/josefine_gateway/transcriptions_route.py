"""OpenAI's POST /v1/audio/transcriptions, which the ecosystem's tools speak: a file in a form, a transcript back."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final, cast, get_args

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from josefine_client.chunks import Session
from josefine_client.results import SessionResult
from josefine_gateway.admission import admitted
from josefine_gateway.body import pieces
from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.options import RecordedOptions
from josefine_gateway.listen.parsing import parse
from josefine_gateway.listen.recorded import Pipeline, Recording
from josefine_gateway.listen.served import Served
from josefine_gateway.parts import Parts
from josefine_gateway.refusals import refusal_of_result
from josefine_gateway.shape import openai
from josefine_gateway.shape.errors import openai as openai_error
from josefine_state.api_keys import Scope
from josefine_wire.keyterms import MOST_BYTES, SEPARATOR

FORMATS: Final = ("json", "text", "srt", "vtt", "verbose_json")
GRANULARITIES: Final = ("timestamp_granularities[]", "timestamp_granularities")
FIELDS: Final = frozenset({"file", "model", "language", "prompt", "response_format", "temperature", *GRANULARITIES})
REFUSED: Final = {
    "stream": "use WS /v1/listen for results while it is heard",
    "chunking_strategy": "recordings are cut by voice activity",
    "include[]": "log probabilities are not told",
    "include": "log probabilities are not told",
    "known_speaker_names[]": "speakers are not told apart",
    "known_speaker_references[]": "speakers are not told apart",
}
OFF: Final = frozenset({"", "false", "auto"})
MOST_TERMS: Final = 100
"""As many as `keyterm` may be repeated."""
PIECE_BYTES: Final = 256 * 1024


async def answer_transcription(parts: Parts, request: Request, request_id: str) -> Response:
    """Returns the transcript of the file in the form.

    Raises:
        Exception: any that josefine_gateway.refusals knows.
    """
    known = await admitted(parts, request.scope["headers"], Scope.LISTEN)
    for name in request.query_params:
        raise OptionError(name[:40], "stands in the query: this route takes the fields of its form alone")
    await parts.limits.request(known.principal)
    session_id = uuid.UUID(request_id).hex
    async with (
        parts.limits.session(known.principal, session_id),
        _limited(parts, request).form(max_files=1, max_fields=50) as form,
    ):
        file, options = _file(form), _options(form, parts.served)
        format_, granularities = _format(form), _granularities(form)
        session = Session(session_id, options.session_config(parts.served))
        pipeline = Pipeline(parts.writer, parts.limits.replica, parts.board, parts.settings.patience_s)
        with Recording(pipeline, session, understanding=False) as recording:
            await recording.send(_pieces_of(file))
            with parts.metrics.answer.time():
                heard = await recording.heard(request.is_disconnected)
    if heard.result.error is not None:
        refusal = refusal_of_result(heard.result.error)
        return JSONResponse(openai_error(refusal.status, refusal.message), refusal.status)
    return await asyncio.to_thread(_answer, heard.result, format_, options.language or "en", granularities)


def _limited(parts: Parts, request: Request) -> Request:
    """Returns the request with the limits of its body, which the parser of forms does not have."""
    settings = parts.settings
    body = pieces(request, settings.max_upload_bytes, settings.slow_sender_s)

    async def receive() -> dict[str, Any]:
        piece = await anext(body, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return Request(request.scope, receive)


def _file(form: FormData) -> UploadFile:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise OptionError("file", "is missing: send the recording as a file of the form")
    return file


def _options(form: FormData, served: Served) -> RecordedOptions:
    for name, value in form.multi_items():
        if name in REFUSED and str(value).lower() not in OFF:
            raise OptionError(name, f"is not in this engine: {REFUSED[name]}")
        if name not in FIELDS and name not in REFUSED:
            raise OptionError(name[:40], "is not known")
    if not _is_zero(_text(form, "temperature")):
        raise OptionError("temperature", "is not in this engine: it is raised where a text loops, and only there")
    asked = [("model", _text(form, "model")), ("language", _text(form, "language"))]
    terms = [("keyterm", term) for term in _terms(_text(form, "prompt"))]
    return parse(RecordedOptions, [("punctuate", "true"), *asked, *terms], served)


def _terms(prompt: str) -> list[str]:
    """Returns what stands before the recording, of a long text the end, as OpenAI takes it."""
    words = "".join(letter if letter.isprintable() else " " for letter in prompt[-MOST_BYTES:]).split()
    if len(prompt) > MOST_BYTES:
        del words[:1]  # it may have lost its beginning
    while len(" ".join(words).encode()) > MOST_BYTES:
        del words[0]
    return [term for term in " ".join(words).split(SEPARATOR) if term.strip()][-MOST_TERMS:]


def _is_zero(number: str) -> bool:
    try:
        return float(number or 0.0) == 0.0
    except ValueError:
        return False


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    if not isinstance(value, str):
        raise OptionError(name, "must be text, not a file")
    return value


def _format(form: FormData) -> str:
    format_ = _text(form, "response_format") or "json"
    if format_ not in FORMATS:
        raise OptionError("response_format", f"is {format_[:40]!r}, must be one of {', '.join(FORMATS)}")
    return format_


def _granularities(form: FormData) -> tuple[openai.Granularity, ...]:
    found = [str(value) for name in GRANULARITIES for value in form.getlist(name)]
    known = get_args(openai.Granularity)
    if wrong := [value for value in found if value not in known]:
        raise OptionError("timestamp_granularities", f"is {wrong[0][:40]!r}, must be one of {', '.join(known)}")
    return cast("tuple[openai.Granularity, ...]", tuple(found)) or ("segment",)


async def _pieces_of(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE_BYTES):
        yield piece


def _answer(
    result: SessionResult, format_: str, language: str, granularities: tuple[openai.Granularity, ...]
) -> Response:
    match format_:
        case "text":
            return PlainTextResponse(openai.text_document(result))
        case "srt":
            return PlainTextResponse(openai.caption_document(result, "srt"), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse(openai.caption_document(result, "vtt"), media_type="text/vtt")
        case "verbose_json":
            return JSONResponse(openai.verbose_document(result, language, granularities))
    return JSONResponse(openai.json_document(result))
