"""A server that speaks the gateway's protocol from a script, for what a real engine does not do on demand."""

import asyncio
import threading
import uuid
from dataclasses import dataclass, field

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse

from josefine_gateway.console import Pipeline, console_routes

BYTES_PER_S = 32_000
ACKNOWLEDGED_EVERY_BYTES = 16_000


def words(text, start, confidence=0.97, each=0.3):
    """Words of the protocol, one after the other."""
    return [
        {
            "word": word.lower().strip(".,"),
            "punctuated_word": word,
            "start": round(start + at * each, 3),
            "end": round(start + at * each + 0.25, 3),
            "confidence": confidence,
        }
        for at, word in enumerate(text.split())
    ]


def results(text, start, sequence_id, *, final=False, speech_final=False, entities=(), unsure=(), channel=(0, 1)):
    """A Results message."""
    said = words(text, start)
    for at in unsure:
        said[at]["confidence"] = 0.41
    message = {
        "type": "Results",
        "channel_index": list(channel),
        "start": start,
        "duration": round(0.3 * len(said), 3),
        "is_final": final,
        "speech_final": speech_final,
        "from_finalize": False,
        "sequence_id": sequence_id,
        "channel": {"alternatives": [{"transcript": text, "confidence": 0.97, "words": said}]},
        "metadata": {"request_id": "r", "model_info": {"name": "m", "version": "1", "arch": "a"}, "model_uuid": "m"},
    }
    return message | ({"entities": list(entities)} if entities else {})


def entity(label, value, start_word):
    """An entity of the protocol; both ends are inclusive."""
    count = len(value.split())
    return {
        "label": label,
        "value": value,
        "raw_value": value,
        "confidence": 0.9,
        "start_word": start_word,
        "end_word": start_word + count - 1,
    }


FIRST = "My name is Ada Lovelace,"
SECOND = "and I was born in London in 1815."
SPOKEN = (
    (0.4, {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.2}),
    (0.6, results("my name", 0.2, 0)),
    (0.9, results("my name is ate a love", 0.2, 0)),
    (1.2, results("My name is Ada Lovelace", 0.2, 0)),
    (1.5, results(FIRST, 0.2, 1, final=True, entities=[entity("PERSON", "Ada Lovelace", 3)])),
    (1.8, results("and I was", 1.8, 1)),
    (2.1, results("and I was born in London", 1.8, 1)),
)
"""Seconds of audio after which each is sent; then the closing final waits for the end."""
LAST = results(
    SECOND, 1.8, 3, final=True, speech_final=True, unsure=[3],
    entities=[entity("GPE", "London", 5), entity("DATE", "1815", 7)],
)  # fmt: skip

PRAISE = "What a wonderful morning, I am so happy to be here."
PLAIN = "The next train to Manchester leaves at noon."
BLAME = "This is a terrible mistake and nobody likes it at all."


def recorded():
    """A response to POST, of three utterances."""
    texts, starts = (PRAISE, PLAIN, BLAME), (0.2, 4.2, 7.9)
    spoken = [words(text, start) for text, start in zip(texts, starts, strict=True)]
    flat = [word for utterance in spoken for word in utterance]
    flat[3]["confidence"] = 0.4
    counts = [len(utterance) for utterance in spoken]
    firsts = [sum(counts[:at]) for at in range(3)]
    scores = (("positive", 0.81), ("neutral", 0.02), ("negative", -0.72))
    segments = [
        {"text": text, "start_word": first, "end_word": first + count - 1, "sentiment": name, "sentiment_score": score}
        for text, first, count, (name, score) in zip(texts, firsts, counts, scores, strict=True)
    ]
    entities = [entity("GPE", "Manchester", counts[0] + 4), entity("TIME", "noon", counts[0] + 7)]
    best = {"transcript": " ".join(texts), "confidence": 0.95, "words": flat, "entities": entities}
    utterances = [
        {"start": said[0]["start"], "end": said[-1]["end"], "channel": 0, "transcript": text, "words": said, "id": "u"}
        for text, said in zip(texts, spoken, strict=True)
    ]
    average = {"sentiment": "neutral", "sentiment_score": 0.04}
    return {
        "metadata": {"request_id": "r", "duration": 11.4, "channels": 1},
        "results": {
            "channels": [{"alternatives": [best]}],
            "utterances": utterances,
            "sentiments": {"segments": segments, "average": average},
        },
    }


@dataclass
class Session:
    """What the server holds of a live session."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    audio: bytearray = field(default_factory=bytearray)
    told: list[dict] = field(default_factory=list)
    """Finals, in order."""
    script: list[tuple[float, dict]] = field(default_factory=lambda: list(SPOKEN))
    connections: int = 0
    epoch: int = 0
    """Grows with every takeover."""


@dataclass
class StandIn:
    """What the server is to do, and what it saw."""

    key: str = ""
    """Wanted of everybody, if there is one."""
    busy_for_s: int = 0
    """Refuse all with 429."""
    close_with: tuple[int, str] | None = None
    """Close every live session so after its first final."""
    refusal: tuple[int, str] | None = None
    """Answer to recordings."""
    hold: asyncio.Event | None = None
    """Recordings are answered when it is set."""
    answer: dict = field(default_factory=recorded)
    sessions: dict[str, Session] = field(default_factory=dict)
    uploads: list[bytes] = field(default_factory=list)
    queries: list[dict] = field(default_factory=list)
    looks: int = 0


def application(stand_in: StandIn, pipeline: Pipeline) -> FastAPI:
    """Returns the server; `pipeline` is what it shows of itself."""
    app = FastAPI()

    @app.middleware("http")
    async def door(request: Request, call_next):
        return _refusal(stand_in, request) or await call_next(request)

    @app.post("/v1/listen")
    async def listen(request: Request) -> dict:
        audio = await request.body()
        if not audio or request.headers["content-type"] == "application/json":
            raise HTTPException(400)
        stand_in.uploads.append(audio)
        stand_in.queries.append(dict(request.query_params))
        if stand_in.hold:
            await stand_in.hold.wait()
        if stand_in.refusal:
            status, message = stand_in.refusal
            return JSONResponse({"err_code": "Bad Request", "err_msg": message}, status)
        return stand_in.answer

    @app.websocket("/v1/listen")
    async def stream(socket: WebSocket) -> None:
        protocols = socket.scope["subprotocols"]
        if stand_in.busy_for_s or (stand_in.key and protocols != ["token", stand_in.key]):
            await socket.close()
            return
        await socket.accept("token" if protocols else None)
        stand_in.queries.append(dict(socket.query_params))
        await _serve(stand_in, socket)

    app.include_router(console_routes(pipeline))
    return app


def _refusal(stand_in: StandIn, request: Request) -> JSONResponse | None:
    if request.url.path == "/console/pipeline":
        stand_in.looks += 1
    elif request.url.path != "/v1/listen":
        return None
    if stand_in.key and request.headers.get("authorization") != f"Token {stand_in.key}":
        return JSONResponse({"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."}, 401)
    if stand_in.busy_for_s:
        headers = {"Retry-After": str(stand_in.busy_for_s)}
        return JSONResponse({"err_code": "TOO_MANY_REQUESTS", "err_msg": ""}, 429, headers)
    return None


async def _serve(stand_in: StandIn, socket: WebSocket) -> None:
    token = socket.query_params["resume"]
    session = Session() if token == "true" else stand_in.sessions[token.partition("@")[0]]
    stand_in.sessions[session.id] = session
    session.connections += 1
    session.epoch = epoch = session.epoch + 1
    acknowledged = len(session.audio)
    await socket.send_json(
        {
            "type": "Session",
            "request_id": session.id,
            "resume_token": f"{session.id}@{acknowledged}",
            "acknowledged": {"bytes": acknowledged, "seconds": None},
            "resumed": token != "true",
        }
    )
    seen = int(socket.query_params.get("sequence_id", "0"))
    for final in session.told:
        if final["sequence_id"] > seen:
            await socket.send_json(final)
    try:
        while session.epoch == epoch:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes"):
                session.audio += message["bytes"]
                await _tell(session, socket)
                if len(session.audio) - acknowledged >= ACKNOWLEDGED_EVERY_BYTES:
                    acknowledged = len(session.audio)
                    await _acknowledge(session, socket)
                if stand_in.close_with and session.told:
                    (code, reason), stand_in.close_with = stand_in.close_with, None
                    await socket.close(code, reason)
                    return
            elif "CloseStream" in message.get("text", ""):
                await _end(session, socket)
                return
    except (WebSocketDisconnect, RuntimeError):
        return


async def _acknowledge(session: Session, socket: WebSocket) -> None:
    size = len(session.audio)
    token = f"{session.id}@{size}"
    await socket.send_json(
        {"type": "Acknowledged", "bytes": size, "seconds": size / BYTES_PER_S, "resume_token": token}
    )


async def _tell(session: Session, socket: WebSocket) -> None:
    while session.script and len(session.audio) >= session.script[0][0] * BYTES_PER_S:
        message = session.script.pop(0)[1]
        if message.get("is_final"):
            session.told.append(message)
        await socket.send_json(message)


async def _end(session: Session, socket: WebSocket) -> None:
    rest = [message for _, message in session.script if message.get("is_final")]
    for message in [*rest, LAST, results("", 4.2, 3, final=True)]:
        await socket.send_json(message)
    await _acknowledge(session, socket)
    await socket.send_json({"type": "Metadata", "request_id": session.id, "duration": 4.2, "channels": 1})
    await socket.close(1000)


class Server:
    """The stand-in on a port of its own, in a thread of its own."""

    def __init__(self, stand_in: StandIn, services: dict[str, str], client: httpx.AsyncClient) -> None:
        app = application(stand_in, Pipeline(services, client))
        options = {"log_level": "warning", "lifespan": "off", "ws": "websockets-sansio"}
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, timeout_graceful_shutdown=1, **options))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()

    @property
    def started(self) -> bool:
        """Whether it listens."""
        return self._server.started

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.servers[0].sockets[0].getsockname()[1]

    def close(self) -> None:
        """Ends it."""
        self._server.should_exit = True
        self._thread.join()
