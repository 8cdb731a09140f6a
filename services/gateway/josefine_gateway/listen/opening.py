"""How a session comes to a connection: a new one, or one that goes on (ADR 16)."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Self

from josefine_client.chunks import ChunkNumbering, Session, takeover_chunk
from josefine_gateway.access.limits import Replica
from josefine_gateway.access.resume_token import ResumeToken
from josefine_gateway.bus.look_back import LookBack, Standing
from josefine_gateway.bus.writer import LogWriter
from josefine_gateway.listen.upload import Upload, write_durably
from josefine_wire.codec import encode
from josefine_wire.succession import Succession
from josefine_wire.topics import AUDIO_RAW, audio_key

MOST_TAKEOVERS: Final = 5
"""Attempts: each that loses has lost to another connection of the same session."""
CLOCKS_MS: Final = 60_000
"""How far the clocks of this replica, the stages and the broker may be apart."""


@dataclass(frozen=True, slots=True)
class AudioLog:
    """Where audio is written, bounded, and read back."""

    writer: LogWriter
    replica: Replica
    look_back: LookBack


class GoneError(Exception):
    """The session is not in the log any more, or never was."""


class ContestedError(Exception):
    """Others take the session over as fast as this connection does."""


@dataclass(slots=True)
class Opened:
    """A session in the hands of this connection."""

    session: Session
    upload: Upload
    started_at_ms: int
    producer_id: str
    standing: Succession
    """What was in the log when it was opened; `upload` counts on from there."""
    resumed: bool = False
    place: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What it takes of its key's sessions."""
    history: list[tuple[str, Any]] = field(default_factory=list)
    """Results from before, of a session that was resumed."""

    @property
    def durable_bytes(self) -> int:
        """Audio of the session that is safe, from its first byte."""
        return self.standing.payload_bytes + self.upload.durable_bytes

    def token(self, key_id: str) -> ResumeToken:
        """Returns what a client needs to go on from here."""
        return ResumeToken(
            session_id=self.session.session_id,
            started_at_ms=self.started_at_ms,
            key_id=key_id,
            producer_id=self.producer_id,
            next_sequence=self.standing.next_sequence + self.upload.durable_records,
            payload_bytes=self.durable_bytes,
            flushes=self.standing.flushes + self.upload.durable_flushes,
            at_ms=int(time.time() * 1_000),
            asked=asked_of(self.session),
            ended=self.standing.ended or self.upload.durable_end,
        )

    async def with_history(self, look_back: LookBack, since_ms: int, *, understanding: bool) -> Self:
        """Returns the same with the results that are in the log since `since_ms` (Unix epoch).

        Raises:
            BrokerTroubleError: they cannot be read.
        """
        session_id = self.session.session_id
        self.history = await asyncio.get_running_loop().run_in_executor(
            look_back.threads, lambda: look_back.results(session_id, since_ms, understanding=understanding)
        )
        return self


def asked_of(session: Session) -> str:
    """Returns a digest of what the pipeline is asked for: a connection that goes on has to ask for the same."""
    described = (session.encoding, session.sample_rate_hz, session.channels, sorted(session.config.items()))
    return hashlib.sha256(repr(described).encode()).hexdigest()[:32]


async def open_session(log: LogWriter, replica: Replica, session: Session) -> Opened:
    """Returns a new session whose first record is durable, so that any replica can go on with it.

    Raises:
        UploadError: the log does not take it.
    """
    producer_id, started_at_ms = uuid.uuid4().hex, int(time.time() * 1_000)
    upload = Upload(log, replica, session, ChunkNumbering(session, producer_id, started_at_ms))
    await upload.begin()
    standing = replace(Succession(), producer_id=producer_id)
    return Opened(session, upload, started_at_ms, producer_id, standing)


async def reopen_session(log: AudioLog, session: Session, token: ResumeToken, wanted: Callable[[], bool]) -> Opened:
    """Returns the session that the token names, which is now this connection's.

    Args:
        log: where it is written.
        session: as the client says it again.
        token: how far it was.
        wanted: whether the client still waits for this connection. A handshake that was left must not take the session
            away from the next one, however long this process was stopped in between.

    Raises:
        GoneError: it is not in the log.
        ContestedError: other connections took it over meanwhile, or this one is not wanted any more.
        UploadError, BrokerTroubleError: the broker does not answer.
    """
    begun = Succession(
        producer_id=token.producer_id,
        next_sequence=token.next_sequence,
        payload_bytes=token.payload_bytes,
        flushes=token.flushes,
        ended=token.ended,
    )
    if begun.ended:
        return _reopened(log, session, token, begun.producer_id, begun)
    for _ in range(MOST_TAKEOVERS):
        if not wanted():
            raise ContestedError
        producer_id = uuid.uuid4().hex
        marker = takeover_chunk(
            session.session_id, producer_id, begun.producer_id, token.started_at_ms, max(begun.next_sequence, 1)
        )
        await write_durably(log.writer, AUDIO_RAW, audio_key(session.session_id).encode(), encode(AUDIO_RAW, marker))
        look = partial(log.look_back.audio, session.session_id, begun, token.at_ms - CLOCKS_MS, producer_id)
        standing = await asyncio.get_running_loop().run_in_executor(log.look_back.threads, _if_wanted, look, wanted)
        if standing.won or standing.succession.ended:
            return _reopened(log, session, token, producer_id, standing.succession)
        if standing.succession.producer_id == begun.producer_id:
            raise GoneError
        begun = standing.succession
    raise ContestedError


def _if_wanted(look: Callable[[], Standing], wanted: Callable[[], bool]) -> Standing:
    """Looks, unless the client has left while others looked."""
    if not wanted():
        raise ContestedError
    return look()


def _reopened(log: AudioLog, session: Session, token: ResumeToken, producer_id: str, reached: Succession) -> Opened:
    numbering = ChunkNumbering(session, producer_id, token.started_at_ms, first_sequence=reached.next_sequence)
    upload = Upload(log.writer, log.replica, session, numbering, ended=reached.ended)
    return Opened(session, upload, token.started_at_ms, producer_id, reached, resumed=True)
