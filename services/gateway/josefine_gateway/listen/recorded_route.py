"""POST /v1/listen: a recording, from its bytes or from a URL, to the answer or to a callback."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from josefine_client.chunks import Session
from josefine_gateway.access.principal import Principal
from josefine_gateway.admission import admitted
from josefine_gateway.body import is_json, json_object, pieces
from josefine_gateway.calling_back import call_back, destination
from josefine_gateway.listen.options import RecordedOptions
from josefine_gateway.listen.parsing import parse
from josefine_gateway.listen.recorded import Heard, Pipeline, Recording
from josefine_gateway.parts import Parts
from josefine_gateway.refusals import refusal_of_result
from josefine_gateway.shape import connection
from josefine_gateway.shape.errors import legacy
from josefine_gateway.shape.recorded import accepted, recorded_answer
from josefine_state.api_keys import Scope
from josefine_wire.positions import seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """A recording to hear."""

    request_id: str
    created: datetime
    principal: Principal
    options: RecordedOptions
    session: Session


async def answer_recording(parts: Parts, request: Request, request_id: str) -> Response:
    """Returns the answer once all of it is heard; with a callback, once the recording is safe in the log.

    Raises:
        Exception: any that josefine_gateway.refusals knows.
    """
    known = await admitted(parts, request.scope["headers"], Scope.LISTEN)
    asked = _asked(parts, request, request_id, known.principal)
    await parts.limits.request(known.principal)
    if asked.options.callback is not None:
        await parts.callbacks.require(asked.options.callback)
    async with AsyncExitStack() as held:
        await held.enter_async_context(parts.limits.session(known.principal, asked.session.session_id))
        recording = held.enter_context(
            Recording(_pipeline(parts), asked.session, understanding=asked.options.needs_understanding)
        )
        async with _source(parts, request) as body:
            await recording.send(body)
        if asked.options.callback is None:
            with parts.metrics.answer.time():
                heard = await recording.heard(request.is_disconnected)
                return await asyncio.to_thread(_answer, parts, asked, heard)
        to = destination(parts, asked.principal, asked.options, request_id)
        parts.background.start(call_back(parts, to, _behind(parts, asked, recording, held.pop_all())))
    return JSONResponse(accepted(request_id))


def _asked(parts: Parts, request: Request, request_id: str, principal: Principal) -> Asked:
    options = parse(RecordedOptions, request.query_params.multi_items(), parts.served)
    audio = options.audio
    session = Session(
        session_id=uuid.UUID(request_id).hex,
        config=options.session_config(parts.served),
        encoding=audio.encoding,
        sample_rate_hz=audio.sample_rate_hz,
        channels=audio.channels,
    )
    return Asked(request_id, datetime.now(UTC), principal, options, session)


def _pipeline(parts: Parts) -> Pipeline:
    return Pipeline(parts.writer, parts.limits.replica, parts.board, parts.settings.patience_s)


@asynccontextmanager
async def _source(parts: Parts, request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
    """Gives the recording's bytes: the body, or what the URL in it names."""
    settings = parts.settings
    if not is_json(request):
        yield pieces(request, settings.max_upload_bytes, settings.slow_sender_s)
        return
    content = await json_object(request, settings.slow_sender_s)
    url = content.get("url")
    if not isinstance(url, str):
        raise HTTPException(400, 'The body must be audio, or JSON with a string "url".')
    async with parts.fetcher.open(url) as fetched:
        yield fetched.chunks()


def _answer(parts: Parts, asked: Asked, heard: Heard) -> Response:
    """Returns the answer. Of an hour of speech it takes a second: not the event loop's."""
    status, body = answer_of(parts, asked, heard)
    return JSONResponse(body, status)


def answer_of(parts: Parts, asked: Asked, heard: Heard) -> tuple[int, dict[str, Any]]:
    """Returns status and body of a recording that was heard."""
    result = heard.result
    if result.error is not None:
        refusal = refusal_of_result(result.error)
        return refusal.status, legacy(refusal.status, refusal.message, asked.request_id, code=refusal.code)
    models = [final["model"] for final in result.finals()]
    about = connection.Heard(
        request_id=asked.request_id,
        created=asked.created,
        sha256=heard.sha256,
        duration_s=seconds(result.length_samples),
        channels=result.channels or 1,
        model=models[0] if models else asked.options.model_of(parts.served),
        tags=tuple(asked.options.tag),
        extra=asked.options.extras,
    )
    return 200, recorded_answer(result, about, asked.options.layout(parts.served))


async def _behind(parts: Parts, asked: Asked, recording: Recording, held: AsyncExitStack) -> dict[str, Any]:
    """Returns the body of a recording whose client does not wait."""
    async with held:
        heard = await recording.heard(_never_gone)
        return (await asyncio.to_thread(answer_of, parts, asked, heard))[1]


async def _never_gone() -> bool:
    return False
