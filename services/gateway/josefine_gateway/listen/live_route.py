"""WS /v1/listen and /v2/listen: from the handshake to the session's farewell."""

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from josefine_client.chunks import Session
from josefine_gateway.access.principal import Principal
from josefine_gateway.access.resume_token import ResumeToken
from josefine_gateway.admission import admitted
from josefine_gateway.calling_back import destination
from josefine_gateway.listen import closing
from josefine_gateway.listen.conversation import Conversation, Wanted
from josefine_gateway.listen.dialogue import Dialogue
from josefine_gateway.listen.inbox import Inbox
from josefine_gateway.listen.linear32 import linear16_of
from josefine_gateway.listen.live import About, Limits, Line, LiveSession
from josefine_gateway.listen.opening import (
    CLOCKS_MS,
    AudioLog,
    ContestedError,
    Opened,
    asked_of,
    open_session,
    reopen_session,
)
from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.options import LiveOptions
from josefine_gateway.listen.parsing import parse
from josefine_gateway.listen.presence import presence
from josefine_gateway.listen.recorded import CallerGoneError
from josefine_gateway.listen.turn_dialogue import TurnDialogue
from josefine_gateway.listen.turn_options import TurnOptions
from josefine_gateway.listen.upload import UploadError
from josefine_gateway.parts import Parts
from josefine_gateway.refusals import CLIENT_CLOSED, refusal_of
from josefine_gateway.shape.errors import legacy
from josefine_gateway.shape.live import Stream
from josefine_state.api_keys import Scope

TOKEN_HEADER = b"josefine-resume-token"
REQUEST_HEADER = b"dg-request-id"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """A handshake that may be accepted."""

    request_id: str
    principal: Principal
    subprotocol: str | None
    options: LiveOptions | TurnOptions
    session: Session
    token: ResumeToken | None
    """Of the session to go on with; None: a new one."""


async def serve_live(parts: Parts, websocket: WebSocket, kind: type[LiveOptions] | type[TurnOptions]) -> None:
    """Serves one connection to its end; `kind`: what its query may ask, which tells the protocol."""
    request_id = str(uuid.uuid4())
    async with AsyncExitStack() as held:
        try:
            asked = await _admitted(parts, websocket, request_id, kind)
            place = await held.enter_async_context(parts.limits.session(asked.principal, asked.session.session_id))
            inbox = held.enter_context(Inbox(parts.board, asked.session.session_id))
            tell = await held.enter_async_context(_teller(parts, asked, websocket))
            alone = held.enter_context(parts.sessions.claim(asked.session.session_id))
            opened = await _opened(parts, websocket, asked, alone, place)
        except CallerGoneError:
            parts.metrics.requests.labels("live", str(CLIENT_CLOSED)).inc()
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is owed an answer; refusal_of logs the rest
            await _refuse(parts, websocket, request_id, error)
            return
        line = Line(websocket, tell, inbox, elsewhere=asked.options.callback is not None)
        live = _live_session(parts, asked, line, opened)
        await _converse(parts, websocket, asked, opened, live)


async def _admitted(
    parts: Parts, websocket: WebSocket, request_id: str, kind: type[LiveOptions] | type[TurnOptions]
) -> Asked:
    known = await admitted(parts, websocket.scope["headers"], Scope.LISTEN, websocket=True)
    principal = known.principal
    options = parse(kind, websocket.query_params.multi_items(), parts.served)
    await parts.limits.request(principal)
    token = None
    if options.resume_token is not None:
        token = parts.tokens.read(options.resume_token, principal.key_id, int(time.time() * 1_000))
    audio = options.audio
    session = Session(
        session_id=token.session_id if token else uuid.UUID(request_id).hex,
        config=options.session_config(parts.served),
        encoding=audio.encoding,
        sample_rate_hz=audio.sample_rate_hz,
        channels=audio.channels,
    )
    if token is not None and token.asked != asked_of(session):
        raise OptionError(
            "resume",
            "the session began with other options: encoding, sample_rate, channels, multichannel, model, language, "
            "endpointing, interim_results and keyterm stay as they were",
        )
    return Asked(request_id, principal, known.subprotocol, options, session, token)


async def _opened(
    parts: Parts, websocket: WebSocket, asked: Asked, alone: Callable[[], bool], place: AsyncExitStack
) -> Opened:
    """Returns the session.

    Args:
        parts: of the replica.
        websocket: the handshake.
        asked: what it asks for.
        alone: whether no later handshake has asked for the session.
        place: what the session takes of its key's: it keeps that while it waits for a client who has asked to resume.
    """
    token = asked.token
    if token is None:
        opened = await open_session(parts.writer, parts.limits.replica, asked.session)
        if asked.options.wants_resume:
            opened.place = place
        return opened
    async with presence(websocket) as there:
        audio = AudioLog(parts.writer, parts.limits.replica, parts.look_back)
        opened = await reopen_session(audio, asked.session, token, lambda: alone() and there())
        opened.place = place
        await opened.with_history(
            parts.look_back, token.started_at_ms - CLOCKS_MS, understanding=asked.options.needs_understanding
        )
        if not alone():
            raise ContestedError
        if not there():
            parts.sessions.park(opened)  # it is this replica's, whoever else had it
            raise CallerGoneError
    return opened


@asynccontextmanager
async def _teller(parts: Parts, asked: Asked, websocket: WebSocket) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Gives the way of messages to the client: its socket, or the URL that it named."""
    options = asked.options
    if isinstance(options, TurnOptions) or options.callback is None:
        yield websocket.send_text
        return
    await parts.callbacks.require(options.callback)
    async with parts.callbacks.lane(destination(parts, asked.principal, options, asked.request_id)) as lane:
        yield lambda text: lane.post(text.encode())


async def _converse(parts: Parts, websocket: WebSocket, asked: Asked, opened: Opened, live: LiveSession) -> None:
    session_id = asked.session.session_id
    parts.sessions.enter(session_id, live.end)
    parts.metrics.sessions.labels("resumed" if opened.resumed else "new").inc()
    facts = {"session": session_id, "request": asked.request_id, "key": asked.principal.key_id}
    log.info("live_session_opened", resumed=opened.resumed, **facts)
    try:
        with parts.metrics.connections.track_inprogress():
            farewell = await _accepted(parts, websocket, asked, opened, live)
        parts.metrics.closes.labels(str(farewell.code)).inc()
        log.info("live_session_closed", code=farewell.code, reason=farewell.reason, **facts)
        await _after(parts, asked, opened, farewell, ended=live.ended)
    finally:
        parts.metrics.audio.inc(opened.upload.durable_bytes)
        parts.sessions.leave(session_id, live.end)


async def _accepted(
    parts: Parts, websocket: WebSocket, asked: Asked, opened: Opened, live: LiveSession
) -> closing.Farewell:
    """Answers the handshake and serves the connection; returns how it ended."""
    try:
        await websocket.accept(asked.subprotocol, _headers(parts, asked, opened))
    except WebSocketDisconnect:
        return closing.CUT
    return await live.run()


async def _after(parts: Parts, asked: Asked, opened: Opened, farewell: closing.Farewell, *, ended: bool) -> None:
    """Ends the session whose client has left or cannot come back, and keeps the one whose connection was cut."""
    if ended or opened.upload.failed or farewell is closing.SUPERSEDED:
        return
    if asked.options.resumable and farewell is closing.DRAINING:
        return
    if asked.options.resumable and not farewell.end_session:
        parts.sessions.park(opened)
        return
    try:
        await opened.upload.end()
    except UploadError as error:
        log.warning("session_not_ended", session=opened.session.session_id, reason=str(error))


def _live_session(parts: Parts, asked: Asked, line: Line, opened: Opened) -> LiveSession:
    options = asked.options
    about = About(
        request_id=asked.request_id,
        created=datetime.now(UTC),
        convert=_converter(options),
        resumes=options.wants_resume,
        bytes_taken=2 if options.audio.linear32 else 1,
        tags=tuple(options.tag),
        extra=options.extras,
    )
    limits = Limits(parts.settings.idle_close_s, parts.settings.slow_reader_s, parts.settings.patience_s)
    return LiveSession(line, opened, _dialogue(parts, asked, opened), about, limits, _signer(parts, asked))


def _dialogue(parts: Parts, asked: Asked, opened: Opened) -> Dialogue:
    options = asked.options
    if isinstance(options, TurnOptions):
        return TurnDialogue(asked.request_id, options)
    wanted = Wanted(
        interim_results=options.interim_results,
        vad_events=options.vad_events,
        utterance_end_ms=options.utterance_end_ms or 0,
        understanding=options.needs_understanding,
    )
    stream = Stream(asked.request_id, options.wording(parts.served), options.extras, tuple(options.keyterm))
    return Conversation(wanted, stream, options.sequence_ids, opened.standing.flushes)


def _converter(options: LiveOptions | TurnOptions) -> Callable[[bytes], bytes]:
    if not options.audio.linear32:
        return lambda payload: payload
    carry = b""

    def convert(payload: bytes) -> bytes:
        nonlocal carry
        converted, carry = linear16_of(payload, carry)
        return converted

    return convert


def _signer(parts: Parts, asked: Asked) -> Callable[[Opened], str]:
    return lambda opened: parts.tokens.issue(opened.token(asked.principal.key_id))


def _headers(parts: Parts, asked: Asked, opened: Opened) -> list[tuple[bytes, bytes]]:
    headers = [(REQUEST_HEADER, asked.request_id.encode())]
    if asked.options.resumable:
        headers.append((TOKEN_HEADER, _signer(parts, asked)(opened).encode()))
    return headers


async def _refuse(parts: Parts, websocket: WebSocket, request_id: str, error: Exception) -> None:
    refusal = refusal_of(error)
    parts.metrics.requests.labels("live", str(refusal.status)).inc()
    body = legacy(refusal.status, refusal.message, request_id, code=refusal.code)
    headers = {**refusal.headers, REQUEST_HEADER.decode(): request_id}
    await websocket.send_denial_response(JSONResponse(body, refusal.status, headers))
