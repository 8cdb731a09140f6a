"""POST /v1/read: what a text says, as far as nlu goes. The text goes through the pipeline as finals of a session."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from josefine_gateway.admission import admitted
from josefine_gateway.body import is_json, json_object
from josefine_gateway.bus.writer import LogWriter
from josefine_gateway.calling_back import call_back, destination
from josefine_gateway.listen.inbox import Inbox
from josefine_gateway.listen.parsing import parse
from josefine_gateway.listen.read_options import ReadOptions
from josefine_gateway.listen.recorded import NoResultError
from josefine_gateway.listen.upload import write_durably
from josefine_gateway.parts import Parts
from josefine_gateway.shape.read import Passage, read_answer
from josefine_gateway.shape.recorded import accepted
from josefine_state.api_keys import Scope
from josefine_wire.codec import encode
from josefine_wire.ids import end_id, final_id
from josefine_wire.records import Transcript, Understanding
from josefine_wire.topics import TRANSCRIPTS, UNDERSTANDING, channel_key

MOST_CHARACTERS: Final = 150_000
"""Deepgram's limit is 150,000 tokens; this is a book's chapter."""
PART_CHARACTERS: Final = 2_000
"""nlu takes 5,000 at most, and shorter ones of many sessions in one pass."""


async def answer_reading(parts: Parts, request: Request, request_id: str) -> Response:
    """Returns what the text in the body says.

    Raises:
        Exception: any that josefine_gateway.refusals knows.
    """
    known = await admitted(parts, request.scope["headers"], Scope.READ)
    options = parse(ReadOptions, request.query_params.multi_items(), parts.served)
    await parts.limits.request(known.principal)
    if options.callback is not None:
        await parts.callbacks.require(options.callback)
    text = await _text(parts, request)
    async with AsyncExitStack() as held:
        await held.enter_async_context(parts.limits.session(known.principal, uuid.UUID(request_id).hex))
        answer = _read(parts, options, text, request_id, held.pop_all())
    if options.callback is None:
        return JSONResponse(await answer)
    parts.background.start(call_back(parts, destination(parts, known.principal, options, request_id), answer))
    return JSONResponse(accepted(request_id))


async def _read(parts: Parts, options: ReadOptions, text: str, request_id: str, held: AsyncExitStack) -> dict[str, Any]:
    """Returns the answer, and frees what is held for it."""
    created, session_id = datetime.now(UTC), uuid.UUID(request_id).hex
    texts = list(_cut(text))
    async with held:
        with Inbox(parts.board, session_id) as inbox:
            await _write(parts.writer, session_id, texts, options.language)
            understood = await _understood(inbox, parts.settings.patience_s)
    passages = [
        Passage(part, found["sentiment"])
        for number, part in enumerate(texts)
        if (found := understood.get(number)) is not None and found["sentiment"] is not None
    ]
    return read_answer(request_id, created, options.language, passages if options.sentiment else None)


async def _text(parts: Parts, request: Request) -> str:
    if not is_json(request):
        raise HTTPException(400, 'The body must be JSON with a string "text" or "url".')
    content = await json_object(request, parts.settings.slow_sender_s)
    text, url = content.get("text"), content.get("url")
    if isinstance(url, str) and text is None:
        async with parts.fetcher.open(url) as fetched:
            text = await _decoded(fetched.chunks())
    if not isinstance(text, str):
        raise HTTPException(400, 'The body must be JSON with a string "text" or "url".')
    if len(text) > MOST_CHARACTERS:
        raise HTTPException(413, f"The text has more than {MOST_CHARACTERS} characters.")
    _require_whole(text)
    return text


def _require_whole(text: str) -> None:
    """Refuses what JSON can spell and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise HTTPException(400, f"text: character {error.start} is half of a surrogate pair") from error


async def _decoded(chunks: Any) -> str:
    found = bytearray()
    async for chunk in chunks:
        found += chunk
        if len(found) > 4 * MOST_CHARACTERS:
            raise HTTPException(413, f"The text has more than {MOST_CHARACTERS} characters.")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise HTTPException(400, "The URL's content is no text in UTF-8.") from error


def _cut(text: str) -> Iterator[str]:
    """Yields the text in parts that end between sentences, else between words, whatever the text."""
    rest = text.strip()
    while len(rest) > PART_CHARACTERS:
        head = rest[:PART_CHARACTERS]
        at = max(head.rfind(end) for end in (". ", "? ", "! ", "\n")) + 1 or head.rfind(" ") + 1 or PART_CHARACTERS
        yield rest[:at].strip()
        rest = rest[at:].strip()
    if rest:
        yield rest


async def _write(log: LogWriter, session_id: str, texts: list[str], language: str) -> None:
    key = channel_key(session_id, 0).encode()
    finals = [_record(session_id, number, text, language) for number, text in enumerate(texts)]
    end = _record(session_id, len(texts), "", language)
    end["id"], end["kind"], end["reason"] = end_id(session_id, 0), "END", "COMPLETE"
    writes = [write_durably(log, TRANSCRIPTS, key, encode(TRANSCRIPTS, record)) for record in (*finals, end)]
    await asyncio.gather(*writes)


def _record(session_id: str, segment: int, text: str, language: str) -> Transcript:
    return Transcript(
        id=final_id(session_id, 0, segment),
        session_id=session_id,
        channel=0,
        channels=1,
        kind="FINAL",
        segment=segment,
        revision=0,
        session_started_at=int(time.time() * 1_000),
        captured_at=0,
        start_sample=0,
        end_sample=0,
        text=text,
        stable_words=0,
        words=[],
        confidence=1.0,
        language=language,
        model="text",
        speech_final=True,
        flushed=False,
        gaps=[],
        reason=None,
        error=None,
        metadata={"source": "read"},
        variant="",
    )


async def _understood(inbox: Inbox, patience_s: float) -> dict[int, Understanding]:
    """Returns what nlu says of each part; of one that it has given up, nothing."""
    found: dict[int, Understanding] = {}
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            async with asyncio.timeout(deadline_s - time.monotonic()):
                topic, record = await inbox.next()
        except TimeoutError as error:
            raise NoResultError(f"nothing was understood for {patience_s:.0f} s") from error
        if topic == UNDERSTANDING and record["kind"] == "END":
            return found
        if topic == UNDERSTANDING:
            found[record["segment"]] = record
