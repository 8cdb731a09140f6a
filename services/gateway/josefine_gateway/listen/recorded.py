"""A recording from its first byte to all that is said of it. The caller waits meanwhile."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from josefine_client.chunks import ChunkNumbering, Session
from josefine_client.results import SessionResult
from josefine_gateway.access.limits import Replica
from josefine_gateway.bus.board import ResultBoard
from josefine_gateway.bus.writer import LogWriter
from josefine_gateway.listen.inbox import Inbox
from josefine_gateway.listen.upload import Upload
from josefine_wire.topics import DEAD_LETTERS, TRANSCRIPTS

LOOK_S: Final = 1.0
"""How often it is looked whether the caller is still there."""
SILENCE_BYTES_PER_S: Final = 1_000_000
"""Bytes of a recording that the pipeline passes in a second at least: of silence nothing is heard before its end."""


MOST_RECORDS: Final = 200_000
"""Results that wait while a recording is still being sent: a day of several channels."""


LONGEST_TURN_S: Final = 3_600.0
"""For its turn behind other sessions, of which something is heard meanwhile."""


class NoResultError(Exception):
    """The pipeline has been silent for too long."""


class CallerGoneError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a recording."""

    result: SessionResult
    sha256: str
    """Of its bytes, in hex."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The log, as recordings need it."""

    writer: LogWriter
    replica: Replica
    board: ResultBoard
    patience_s: float


class Recording:
    """A session of a recording, of which results are heard from its first byte on. Use as a context; one event loop."""

    def __init__(self, pipeline: Pipeline, session: Session, *, understanding: bool) -> None:
        """`session` is new and in RECORDED mode; `understanding`: whether what nlu says is waited for."""
        self._pipeline: Final = pipeline
        self._session: Final = session
        self._inbox: Final = Inbox(pipeline.board, session.session_id, MOST_RECORDS)
        self._result: Final = SessionResult(session.session_id, want_understanding=understanding)
        self._sha256: Final = hashlib.sha256()
        self._bytes = 0

    def __enter__(self) -> Self:
        self._inbox.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._inbox.__exit__()

    async def send(self, body: AsyncIterator[bytes]) -> None:
        """Returns once the whole recording is durable. Whatever `body` raises ends the session.

        Raises:
            UploadError: the log does not take it.
        """
        numbering = ChunkNumbering(self._session, uuid.uuid4().hex, int(time.time() * 1_000))
        upload = Upload(self._pipeline.writer, self._pipeline.replica, self._session, numbering)
        try:
            async for piece in body:
                self._sha256.update(piece)
                self._bytes += len(piece)
                await upload.audio(piece)
        finally:
            # Also where the body breaks off: what has come is all there is, and the engine need not wait for more.
            await upload.end()

    async def heard(self, gone: Callable[[], Awaitable[bool]]) -> Heard:
        """Returns all results, once they are complete.

        Args:
            gone: whether the caller has left.

        Raises:
            NoResultError: the pipeline told nothing, of this or of any other session, for longer than its patience; or
                others took their turn for hours.
            CallerGoneError: the caller has left.
        """
        patience_s = self._pipeline.patience_s + self._bytes / SILENCE_BYTES_PER_S
        news_s = time.monotonic()
        while not self._result.complete:
            try:
                async with asyncio.timeout(LOOK_S):
                    topic, record = await self._inbox.next()
            except TimeoutError:
                if await gone():
                    raise CallerGoneError from None
                silent_s = time.monotonic() - max(news_s, self._pipeline.board.transcribed_s())
                if silent_s > patience_s:
                    raise NoResultError(f"nothing was heard of any session for {silent_s:.0f} s") from None
                if time.monotonic() - news_s > LONGEST_TURN_S:
                    raise NoResultError(f"others took their turn for {LONGEST_TURN_S:.0f} s") from None
            else:
                _add(self._result, topic, record)
                news_s = time.monotonic()
        return Heard(self._result, self._sha256.hexdigest())


def _add(result: SessionResult, topic: str, record: Any) -> None:
    if topic == DEAD_LETTERS:
        result.add_dead_letter(record)
    elif topic == TRANSCRIPTS:
        if not record["variant"]:
            result.add_transcript(record)
    elif not record["variant"]:
        result.add_understanding(record)
