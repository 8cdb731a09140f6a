"""The thread that writes to the log for all connections of this replica.

What all of them have queued goes out together and is acknowledged by one flush, so a record costs a share of a round
trip, and whoever waits knows that its record is durable.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from josefine_stage.errors import BrokerError, StageError

Done = Callable[[StageError | None], None]
"""Called once by the writer's thread: None when the record is durable, else why it may not be. Must not block."""

COMPANY_S: Final = 0.01
"""A record waits so long for others: each flush is a round trip, two threads that wake, and a turn of the event loop,
and fifty who speak would have one for every record."""
log = structlog.get_logger()


class Records(Protocol):
    """What this thread needs of a broker: josefine_kafka's AcknowledgedWriter, or a list in tests."""

    def send(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """Queues a record."""

    def flush(self, timeout_s: float) -> None:
        """Returns when all that was sent is durable; raises StageError where it is not."""

    def abandon(self) -> None:
        """Drops what is not acknowledged and frees the connection without waiting."""

    def close(self) -> None:
        """Waits for what is under way and frees the connection."""


@dataclass(slots=True, eq=False)
class Lane:
    """The records of one connection, which stand in the log without a hole: after one that failed none is written."""

    failed: StageError | None = None
    """Set by the writer's thread."""


@dataclass(frozen=True, slots=True)
class Write:
    """A record on its way."""

    lane: Lane
    topic: str
    key: bytes
    value: bytes
    done: Done


class LogWriter:
    """Owns the connection that writes. `send` may be called from any thread."""

    def __init__(self, connect: Callable[[], Records], timeout_s: float) -> None:
        """`connect` opens a connection; again after one that failed, whose state nobody can trust."""
        self._connect: Final = connect
        self._timeout_s: Final = timeout_s
        self._queue: deque[Write] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._ending = threading.Event()
        """Ends the wait for company; records do not, which is what it is for."""
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def send(self, write: Write) -> None:
        """Queues a record; its `done` is called once. The caller bounds what it has queued (listen/upload.py)."""
        with self._wake:
            self._queue.append(write)
            self._wake.notify()

    def close(self) -> None:
        """Writes what is queued and ends the thread."""
        with self._wake:
            self._closing = True
            self._ending.set()
            self._wake.notify()
        self._thread.join()

    def alive(self) -> bool:
        """Returns whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        records: Records | None = None
        while batch := self._take():
            sound = [write for write in batch if write.lane.failed is None]
            try:
                records = records or self._connect()
                for write in sound:
                    records.send(write.topic, write.key, write.value)
                records.flush(self._timeout_s)
            except Exception as error:  # noqa: BLE001 - nobody else would hear of it, and all sessions wait for this thread
                kind = type(error).__name__
                log.warning("records_not_acknowledged", records=len(sound), kind=kind, reason=str(error))
                for write in sound:
                    write.lane.failed = error if isinstance(error, StageError) else BrokerError(f"{kind}: {error}")
                if records is not None:
                    records.abandon()
                records = None
            for write in batch:
                write.done(write.lane.failed)
        if records is not None:
            records.close()

    def _take(self) -> list[Write]:
        """Returns all that is queued, waiting for the first; empty: it is time to end."""
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._closing)
        self._ending.wait(COMPANY_S)
        with self._wake:
            batch = list(self._queue)
            self._queue.clear()
        return batch
