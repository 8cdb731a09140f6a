"""The routes, and what every answer has in common."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import httpx
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from josefine_gateway.access.errors import AccessError
from josefine_gateway.console.pipeline import Pipeline
from josefine_gateway.console.routes import console_routes
from josefine_gateway.listen.live_route import REQUEST_HEADER, serve_live
from josefine_gateway.listen.options import LiveOptions
from josefine_gateway.listen.recorded_route import answer_recording
from josefine_gateway.listen.turn_options import TurnOptions
from josefine_gateway.openapi import DESCRIPTION, listen_operation, read_operation, transcription_operation, with_key
from josefine_gateway.parts import Parts
from josefine_gateway.read_route import answer_reading
from josefine_gateway.refusals import refusal_of
from josefine_gateway.shape.errors import legacy, openai
from josefine_gateway.transcriptions_route import answer_transcription
from josefine_state.api_keys import Scope

Answer = Callable[[Parts, Request, str], Awaitable[Response]]
OPENAI_PREFIX = "/v1/audio/"


def build_app(parts: Parts) -> FastAPI:
    """Returns the ASGI application."""
    asking = httpx.AsyncClient(trust_env=False)  # the stages are neighbours: no proxy stands between

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asking:
            yield

    app = FastAPI(
        lifespan=lifespan,
        redirect_slashes=False,  # it would send audio wherever a Host header says
        title="Josefine",
        version=version("josefine"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,  # their pages load scripts from other hosts; the document itself is /openapi.json
    )
    app.include_router(_routes(parts))
    app.include_router(console_routes(Pipeline(parts.settings.stages, asking), [Depends(_console_key(parts))]))
    app.add_api_websocket_route("/{path:path}", _nowhere)
    for kind in (HTTPException, AccessError):
        app.add_exception_handler(kind, _refused)
    document = app.openapi
    app.openapi = lambda: with_key(document())  # type: ignore[method-assign]  # FastAPI's way to add to its document
    return app


def _routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/listen", openapi_extra=listen_operation())
    async def listen(request: Request) -> Response:
        """Transcribe a recording: its bytes in any container, or JSON with a URL."""
        return await _answered(parts, request, "listen", answer_recording)

    @router.post("/v1/read", openapi_extra=read_operation())
    async def read(request: Request) -> Response:
        """Understand a text."""
        return await _answered(parts, request, "read", answer_reading)

    @router.post("/v1/audio/transcriptions", openapi_extra=transcription_operation())
    async def transcriptions(request: Request) -> Response:
        """Transcribe a file as OpenAI's API does."""
        return await _answered(parts, request, "transcriptions", answer_transcription)

    @router.websocket("/v1/listen")
    async def listen_live(websocket: WebSocket) -> None:
        await serve_live(parts, websocket, LiveOptions)

    @router.websocket("/v2/listen")
    async def listen_turns(websocket: WebSocket) -> None:
        await serve_live(parts, websocket, TurnOptions)

    return router


def _console_key(parts: Parts) -> Callable[[Request], Awaitable[None]]:
    """Returns the check that who asks may look at the pipeline."""

    async def check(request: Request) -> None:
        (await parts.door.who(request.scope["headers"])).principal.require(Scope.CONSOLE)

    return check


async def _answered(parts: Parts, request: Request, route: str, answer: Answer) -> Response:
    """Returns the answer or the refusal, with the request's id, counted."""
    request_id = str(uuid.uuid4())
    try:
        response = await answer(parts, request, request_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, the client is owed an answer; refusal_of logs the rest
        response = _refusal(request, request_id, error)
    response.headers[REQUEST_HEADER.decode()] = request_id
    parts.metrics.requests.labels(route, str(response.status_code)).inc()
    return response


async def _nowhere(websocket: WebSocket) -> None:
    """Answers handshakes at paths that are not there."""
    body = legacy(404, "Not Found", str(uuid.uuid4()))
    await websocket.send_denial_response(JSONResponse(body, 404))


async def _refused(request: Request, error: Exception) -> Response:
    """Answers for routes that are not there."""
    return _refusal(request, str(uuid.uuid4()), error)


def _refusal(request: Request, request_id: str, error: Exception) -> Response:
    refusal = refusal_of(error)
    body: dict[str, Any]
    if request.url.path.startswith(OPENAI_PREFIX):
        body = openai(refusal.status, refusal.message, param=refusal.param, code=refusal.code or None)
    else:
        body = legacy(refusal.status, refusal.message, request_id, code=refusal.code)
    return JSONResponse(body, refusal.status, dict(refusal.headers))
