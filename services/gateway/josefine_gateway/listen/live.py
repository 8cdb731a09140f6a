"""One live connection from its first message to its close frame.

Four tasks share it: audio in, results in, messages out, and a watch for what is due. Whichever finds that it is over
raises ClosingError, which ends the others.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from josefine_gateway.listen import closing
from josefine_gateway.listen.closing import ClosingError, Farewell
from josefine_gateway.listen.control import ControlError, parse_control
from josefine_gateway.listen.dialogue import Dialogue
from josefine_gateway.listen.farewells import farewell_of, refusal_of
from josefine_gateway.listen.inbox import Inbox
from josefine_gateway.listen.opening import Opened
from josefine_gateway.listen.outbox import Outbox
from josefine_gateway.listen.trail import Clocked, Trail
from josefine_gateway.listen.upload import UploadError
from josefine_gateway.shape import connection as shape
from josefine_gateway.shape.live import Message
from josefine_wire.positions import seconds
from josefine_wire.topics import DEAD_LETTERS, TRANSCRIPTS

WATCH_S: Final = 0.25
QUIET_S: Final = 5.0
QUIET_WATCH_S: Final = 1.0
"""Where no audio has come for so long, nothing is due but the end of patience."""
ACKNOWLEDGE_S: Final = 0.5
"""Between two Acknowledged frames."""
NOTHING_SAID: Final = "empty_audio"
"""Of a container without a sample: an error of a recording, but not of somebody who has opened a microphone."""
PIPELINE_LAG_S: Final = 1.5
"""After it a word that was sent has been heard of: an interim comes every second, and half of one is its way."""
RETOLD_A_TURN: Final = 8
"""Messages and records of a history between two turns of the event loop: some milliseconds. One of hours takes seconds,
and others share the loop.
"""
ALIVE_S: Final = 15.0
"""A client that sends KeepAlive and no audio: the pipeline is told so often, well within its idle time-out of 60 s."""
Signer = Callable[[Opened], str]
"""Returns the resume token of a session as it stands."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take."""

    idle_close_s: float
    slow_reader_s: float
    patience_s: float
    """Silence of the pipeline after CloseStream."""


@dataclass(frozen=True, slots=True)
class About:
    """What the connection asked for, beside what is told."""

    request_id: str
    created: datetime
    convert: Callable[[bytes], bytes]
    """From the client's samples to those of audio.raw."""
    resumes: bool
    """The client asked for the frames that resuming needs."""
    bytes_taken: int = 1
    """Bytes of the client for each of audio.raw: what is acknowledged counts the client's."""
    tags: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """To and from the client and the log."""

    websocket: WebSocket
    tell: Callable[[str], Awaitable[None]]
    """Takes a message: the socket, or a callback."""
    inbox: Inbox
    elsewhere: bool = False
    """Messages go to a callback: they are told to the end though the client has left."""


class LiveSession:
    """A session and its connection. One event loop."""

    def __init__(
        self,
        line: Line,
        opened: Opened,
        dialogue: Dialogue,
        about: About,
        limits: Limits,
        sign: Signer,
    ) -> None:
        self._websocket: Final = line.websocket
        self._elsewhere: Final = line.elsewhere
        self._opened: Final = opened
        self._inbox: Final = line.inbox
        self._dialogue: Final = dialogue
        self._about: Final = about
        self._limits: Final = limits
        self._sign: Final = sign
        # A callback's receiver may be down for longer than a client may read nothing: its lane gives it up by itself.
        self._patience_s: Final = None if line.elsewhere else limits.slow_reader_s
        self._outbox: Final = Outbox(line.tell, self._patience_s)
        self._sha256: Final = hashlib.sha256()
        self._wrote_s = time.monotonic()
        self._listens_s: float | None = self._wrote_s
        """Since when the client has the word; None while what it said is being taken: that is not its silence."""
        self._clocked: Final = Clocked()
        self._trail: Final = Trail(PIPELINE_LAG_S)
        self._told_bytes = -1
        """Audio that the client knows to be durable; -1: it was not greeted, and the greeting comes first."""
        self._told_s = 0.0
        self._news_s = self._wrote_s
        """When the pipeline was heard of last, or had reason to be."""
        self._closing = False
        self._drains = False
        """The replica is about to end."""
        self._task: asyncio.Task[None] | None = None
        self._farewell: Farewell | None = None

    @property
    def ended(self) -> bool:
        """Whether the pipeline has ended the session."""
        return self._dialogue.over

    async def run(self) -> Farewell:
        """Serves the connection to its end, the close frame included, and returns how it ended."""
        if self._farewell is None:  # else it was ended while the handshake was answered
            await self._converse()
        farewell = self._farewell or closing.FAILED
        await self._part(farewell)
        return farewell

    async def _converse(self) -> None:
        self._task = asyncio.ensure_future(self._serve())
        try:
            await self._task
        except ClosingError as closed:
            self._farewell = self._farewell or closed.farewell
        except asyncio.CancelledError:
            if self._farewell is None:
                raise

    def end(self, farewell: Farewell) -> None:
        """Ends the connection from outside: a replica that drains, another connection that goes on.

        What is left to be told to a client that has said all and asked for nothing to come back with, nobody tells at
        another replica: a drain waits.
        """
        if farewell is closing.DRAINING and (self._elsewhere or (self._closing and not self._about.resumes)):
            self._drains = True
            return
        self._farewell = farewell
        if self._task is not None:
            self._task.cancel()

    async def _serve(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._outbox.run())
                await self._greet()
                tasks.create_task(self._tell())
                tasks.create_task(self._listen())
                tasks.create_task(self._watch())
        except BaseExceptionGroup as group:
            raise ClosingError(farewell_of(group)) from group

    async def _greet(self) -> None:
        """Tells what stands before all else, as fast as it is taken."""
        if self._about.resumes:
            self._outbox.put(
                shape.session(
                    self._about.request_id,
                    self._token(),
                    self._opened.durable_bytes * self._about.bytes_taken,
                    self._seconds(),
                    resumed=self._opened.resumed,
                )
            )
        self._told_bytes = self._opened.durable_bytes
        self._put(self._dialogue.greet())
        for step, message in enumerate(self._retold(), 1):
            if message is not None:
                self._outbox.put(message)
                await self._outbox.room()
            if step % RETOLD_A_TURN == 0:
                await asyncio.sleep(0)
        self._opened.history.clear()

    def _retold(self) -> Iterator[Message | None]:
        """Yields what the history has to tell, and None behind each record: many have nothing to tell."""
        for topic, record in self._opened.history:
            yield from self._heard(topic, record)
            yield None

    async def _listen(self) -> None:
        """Takes what the client sends."""
        while True:
            self._listens_s = time.monotonic()
            message = await self._websocket.receive()
            self._listens_s = None
            if message["type"] == "websocket.disconnect" and self._elsewhere:
                # Nobody speaks any more. Who listens is another one, and is owed what was said.
                await self._close_stream()
                return
            if message["type"] == "websocket.disconnect":
                # Only a close frame brings a reason, be it empty: else the connection was cut. Clients also send one
                # where they think that we are gone (1011, a late pong): these come back.
                left = self._closing or ("reason" in message and message.get("code") in closing.LEFT_CODES)
                raise ClosingError(closing.LEFT if left else closing.CUT)
            if self._closing:
                continue
            payload = message.get("bytes")
            if payload:
                await self._audio(payload)
            elif payload is not None:
                await self._close_stream()  # an empty message is the end in older clients
            else:
                await self._control(message.get("text") or "")

    async def _audio(self, payload: bytes) -> None:
        self._sha256.update(payload)
        self._wrote_s = time.monotonic()
        self._clocked.came(self._wrote_s)
        await self._opened.upload.audio(self._about.convert(payload))

    async def _control(self, text: str) -> None:
        try:
            control = parse_control(text, self._dialogue.controls)
        except ControlError as error:
            self._put(self._dialogue.misread(str(error)))
            return
        match control.kind:
            case "Finalize" | "ForceEndTurn":
                await self._opened.upload.flush()
            case "CloseStream":
                await self._close_stream()
            case "Configure":
                self._put(self._dialogue.configure(control.content))
            case _:
                await self._keep_alive()

    async def _keep_alive(self) -> None:
        if time.monotonic() - self._wrote_s > ALIVE_S:
            self._wrote_s = time.monotonic()
            await self._opened.upload.alive()

    async def _close_stream(self) -> None:
        self._closing = True
        self._news_s = time.monotonic()
        await self._opened.upload.end()
        self._acknowledge()

    async def _tell(self) -> None:
        """Passes on what the log says, to the end of the session."""
        while not self._dialogue.over:
            topic, record = await self._inbox.next()
            self._news_s = time.monotonic()
            refusal = refusal_of(record, self._opened.producer_id) if topic == DEAD_LETTERS else None
            if refusal is not None:
                raise ClosingError(refusal)
            self._put(self._heard(topic, record))
        if self._closing:
            # The pipeline may be faster than the broker's last word to us, and what is heard is to be acknowledged.
            await self._opened.upload.settled()
        raise ClosingError(self._last_words())

    def _heard(self, topic: str, record: Any) -> Iterator[Message]:
        if topic == TRANSCRIPTS:
            self._clocked.heard(seconds(record["end_sample"]))
        return self._dialogue.hear(topic, record)

    def _last_words(self) -> Farewell:
        error = self._dialogue.error
        if error is None or error["code"] == NOTHING_SAID:
            if self._dialogue.idle and not self._closing:
                if not self._about.resumes:
                    return closing.SILENT
                # What came after the pipeline's patience was over was not heard: it is not acknowledged.
            else:
                self._acknowledge()
            self._put(self._dialogue.farewell(self._whole(), self._token()))
            return closing.DONE
        self._put(self._dialogue.fail(error))
        return closing.BUSY if error["code"] == "over_capacity" else closing.UNDECODABLE

    def _whole(self) -> shape.Heard:
        """Returns what Metadata says. The hash of a resumed session would need audio that others have taken."""
        return shape.Heard(
            request_id=self._about.request_id,
            created=self._about.created,
            sha256="" if self._opened.resumed else self._sha256.hexdigest(),
            duration_s=seconds(self._dialogue.length_samples),
            channels=self._dialogue.channels,
            model=self._dialogue.model,
            tags=self._about.tags,
            extra=self._about.extra,
        )

    async def _watch(self) -> None:
        """Does what time asks for."""
        while True:
            # Nothing tells that nothing has come: silence, and audio that has become durable, are looked for.
            quiet = time.monotonic() - self._wrote_s > QUIET_S
            await asyncio.sleep(QUIET_WATCH_S if quiet else WATCH_S)
            now_s = time.monotonic()
            silent_s = 0.0 if self._listens_s is None else now_s - self._listens_s
            silent = silent_s > self._limits.idle_close_s
            if self._elsewhere and not self._closing and (silent or self._drains):
                await self._close_stream()
            if not self._closing and silent:
                raise ClosingError(closing.QUIET if self._about.resumes else closing.SILENT)
            if self._closing and now_s - self._news_s > self._limits.patience_s:
                raise ClosingError(closing.STALLED)
            if self._opened.upload.failed:
                raise ClosingError(closing.BROKER)  # whoever waits for an answer sends nothing that would find out
            if now_s - self._told_s >= ACKNOWLEDGE_S:
                self._acknowledge()
            known_s = self._seconds()
            position_s = self._clocked.position_s if known_s is None else known_s
            self._put(self._dialogue.audio_reached(position_s, self._trail.at(now_s, position_s)))

    def _acknowledge(self) -> None:
        durable = self._opened.durable_bytes
        if self._about.resumes and 0 <= self._told_bytes < durable:
            self._told_bytes, self._told_s = durable, time.monotonic()
            self._outbox.put(shape.acknowledged(self._token(), durable * self._about.bytes_taken, self._seconds()))

    async def _part(self, farewell: Farewell) -> None:
        """Sends what is left and the close frame, to who is there to take it."""
        if farewell in (closing.CUT, closing.LEFT):
            return
        try:
            async with asyncio.timeout(self._patience_s):
                if farewell is closing.DRAINING:
                    await self._opened.upload.settled()
                    self._acknowledge()
                await self._outbox.drain()
            # A client that reads nothing takes no close frame either: nobody waits for it longer than for a message.
            async with asyncio.timeout(self._limits.slow_reader_s):
                await self._websocket.close(farewell.code, farewell.reason)
        except (ClosingError, UploadError, WebSocketDisconnect, RuntimeError, TimeoutError):
            return  # gone meanwhile: whoever comes back is told again

    def _put(self, messages: Iterator[Message]) -> None:
        for message in messages:
            self._outbox.put(message)

    def _token(self) -> str:
        return self._sign(self._opened)

    def _seconds(self) -> float | None:
        rate = self._opened.session.bytes_per_second
        return self._opened.durable_bytes / rate if rate else None
