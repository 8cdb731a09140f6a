"""A connection's audio on its way into the log: gathered, numbered, bounded, acknowledged.

The edge's side of bus/writer.py: one event loop, no threads of its own.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from josefine_client.chunks import ChunkNumbering, Session
from josefine_gateway.access.limits import Replica
from josefine_gateway.bus.writer import Lane, LogWriter, Write
from josefine_stage.errors import StageError
from josefine_wire.codec import encode
from josefine_wire.records import AudioChunk
from josefine_wire.topics import AUDIO_RAW, audio_key

GATHER_S: Final = 0.1
"""Frames of 20 ms become records of 100 ms: each stage pays for records (ADR 13), and 0.1 s is not noticed."""
GATHER_BYTES: Final = 32 * 1024
"""Of audio whose rate is not known; who sends more at a time does not wait."""
CREDIT_BYTES: Final = 1024 * 1024
"""What one connection may have under way: the socket waits beyond it, and with it the sender."""
RECORD_BYTES: Final = 512
"""What a record costs beside its audio, here and on the wire: a million empty ones are not nothing."""
FLUSH_S: Final = 0.1
FLUSHES_AT_ONCE: Final = 10
"""A client may ask for finals so often, and so many times in a row: each is work for every stage."""


class UploadError(Exception):
    """The log did not take a record within its deadline. What it has is known after a takeover (ADR 16)."""


class Upload:
    """Sends one connection's audio. All calls from the event loop, one at a time."""

    def __init__(
        self,
        log: LogWriter,
        replica: Replica,
        session: Session,
        numbering: ChunkNumbering,
        *,
        ended: bool = False,
    ) -> None:
        """`ended`: the session takes nothing more."""
        self._log: Final = log
        self._replica: Final = replica
        self._key: Final = audio_key(session.session_id).encode()
        self._gathers: Final = session.encoding != "opus"  # a packet is a record
        self._block: Final = session.block_bytes
        rate = session.bytes_per_second
        self._enough: Final = min(GATHER_BYTES, int(rate * GATHER_S)) if rate else GATHER_BYTES
        self._numbering: Final = numbering
        self._loop: Final = asyncio.get_running_loop()
        self._lane: Final = Lane()
        self._gathered = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._under_way = 0
        self._pending_bytes = 0
        self._flushed_until_s = 0.0
        self._changed = asyncio.Event()
        self.durable_bytes = 0
        self.durable_flushes = 0
        self.durable_records = 0
        self.durable_end = False
        self._ended = ended

    @property
    def failed(self) -> bool:
        """Whether the log has failed this connection: nothing more of it will be written."""
        return self._lane.failed is not None

    async def begin(self) -> None:
        """Writes the session's first record, without audio, and returns when it is durable.

        Raises:
            UploadError: the log failed.
        """
        self._write(self._numbering.chunks(b""))
        await self.settled()

    async def audio(self, payload: bytes) -> None:
        """Takes audio; waits while too much is under way.

        Raises:
            UploadError: the log failed.
        """
        if self._ended:
            return
        await self._replica.room()
        if self._gathers:
            self._gathered += payload
            if len(self._gathered) >= self._enough:
                self._release()
            elif self._timer is None:
                self._timer = self._loop.call_later(GATHER_S, self._release)
        else:
            self._write(self._numbering.chunks(payload, captured_at_us=_now_us()))
        await self._credit()

    async def flush(self) -> None:
        """Writes the mark that closes the open segment; waits where marks come too fast.

        Raises:
            UploadError: the log failed.
        """
        if self._ended:
            return
        self._release()
        # A token bucket, kept as the time at which it is full again (GCRA, ITU-T I.371).
        now_s = self._loop.time()
        self._flushed_until_s = max(self._flushed_until_s, now_s) + FLUSH_S
        await asyncio.sleep(self._flushed_until_s - now_s - FLUSHES_AT_ONCE * FLUSH_S)
        self._write(self._numbering.chunks(b"", captured_at_us=_now_us(), flush=True))
        await self._credit()

    async def alive(self) -> None:
        """Writes an empty record: the session's producer is there, though it has nothing to say."""
        if self._ended:
            return
        self._release()
        self._write([self._numbering.empty()])

    async def end(self) -> None:
        """Writes the end and returns when all of the session is durable.

        Raises:
            UploadError: the log failed.
        """
        if not self._ended:
            self._release(whole=True)
            self._ended = True
            self._write(self._numbering.chunks(b"", captured_at_us=_now_us(), end=True))
        await self.settled()

    async def settled(self) -> None:
        """Returns when all that was taken is durable, but for part of a sample.

        Raises:
            UploadError: the log failed.
        """
        self._release()
        await self._until(lambda: self._under_way == 0)

    def _release(self, *, whole: bool = False) -> None:
        """Writes what was gathered, in whole samples; `whole`: also what is left of one that was cut."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        size = len(self._gathered) if whole else len(self._gathered) - len(self._gathered) % self._block
        if size and not self._ended:
            payload = bytes(self._gathered[:size])
            del self._gathered[:size]
            self._write(self._numbering.chunks(payload, captured_at_us=_now_us()))

    def _write(self, chunks: Iterable[AudioChunk]) -> None:
        for chunk in chunks:
            size = len(chunk["payload"])
            self._under_way += 1
            self._pending_bytes += size + RECORD_BYTES
            self._replica.add_bytes(size + RECORD_BYTES)

            def done(error: StageError | None, chunk: AudioChunk = chunk) -> None:
                with suppress(RuntimeError):  # the event loop has ended
                    self._loop.call_soon_threadsafe(self._done, error, chunk)

            self._log.send(Write(self._lane, AUDIO_RAW, self._key, encode(AUDIO_RAW, chunk), done))

    def _done(self, error: StageError | None, chunk: AudioChunk) -> None:
        size = len(chunk["payload"])
        self._under_way -= 1
        self._pending_bytes -= size + RECORD_BYTES
        self._replica.remove_bytes(size + RECORD_BYTES)
        if error is None:
            self.durable_bytes += size
            self.durable_flushes += chunk["flush"] and not chunk["end"]  # the end answers for itself
            self.durable_records += 1
            self.durable_end = chunk["end"]
        self._changed.set()

    async def _credit(self) -> None:
        await self._until(lambda: self._pending_bytes <= CREDIT_BYTES)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._lane.failed is not None:
                raise UploadError(str(self._lane.failed)) from self._lane.failed
            self._changed.clear()
            await self._changed.wait()
        if self._lane.failed is not None:
            raise UploadError(str(self._lane.failed)) from self._lane.failed


async def write_durably(log: LogWriter, topic: str, key: bytes, value: bytes) -> None:
    """Returns when a record that stands for itself is durable.

    Raises:
        UploadError: the log failed.
    """
    loop = asyncio.get_running_loop()
    written: asyncio.Future[StageError | None] = loop.create_future()

    def done(error: StageError | None) -> None:
        with suppress(RuntimeError):  # the event loop has ended
            loop.call_soon_threadsafe(lambda: None if written.done() else written.set_result(error))

    log.send(Write(Lane(), topic, key, value, done))
    error = await written
    if error is not None:
        raise UploadError(str(error)) from error


def _now_us() -> int:
    return int(time.time() * 1_000_000)
