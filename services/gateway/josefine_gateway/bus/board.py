"""The thread that reads the result topics for all sessions of this replica. Records of others are not decoded."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import structlog

from josefine_client.sessions_in_log import keyed_session
from josefine_stage.clock import Clock
from josefine_stage.ports import RawRecord
from josefine_wire.codec import WireError, decode
from josefine_wire.topics import TRANSCRIPTS

Listener = Callable[[str, Any], None]
"""Called by the board's thread with the topic and the record, in the order of its channel. Must not block.

After trouble with the broker a stretch is read twice: a listener drops what it has seen.
"""
POLL_S: Final = 0.25
AGAIN_S: Final = 1.0
"""Between two attempts to connect: nothing tells when a broker is back."""
OVERLAP_MS: Final = 30_000
"""After trouble, reading begins so long before the last record that was seen: longer than a transaction may be open,
and clocks of the brokers' producers differ.
"""
log = structlog.get_logger()


class Tail(Protocol):
    """What the board needs of a broker: josefine_kafka's TopicTail, or a list in tests."""

    def poll(self, timeout_s: float) -> Iterable[RawRecord]:
        """Returns what has come, waiting at most `timeout_s` for the first."""

    def close(self) -> None:
        """Frees the connection."""


class ResultBoard:
    """Where results are pinned up for who follows a session. `follow` and `unfollow` may be called from any thread."""

    def __init__(self, connect: Callable[[int | None], Tail], clock: Clock) -> None:
        """`connect` returns a tail from a time (Unix epoch in ms) on; None: from now on."""
        self._connect: Final = connect
        self._clock: Final = clock
        self._listeners: dict[str, Listener] = {}
        self._stop = threading.Event()
        self._seen_ms: int | None = None
        self._polled_s: float | None = None
        self._transcribed_s = 0.0
        self._thread = threading.Thread(target=self._run, name="result-board", daemon=True)

    def start(self) -> None:
        """Returns once everything that is written from now on will be seen.

        Raises:
            StageError: no broker answers, or topics are missing.
        """
        self._tail = self._connect(None)
        self._polled_s = self._clock.monotonic_s()
        self._seen_ms = int(self._clock.epoch_s() * 1_000)
        self._thread.start()

    def follow(self, session_id: str, listener: Listener) -> None:
        """Gives the session's records to `listener` from now on; another one that had them gets no more."""
        self._listeners[session_id] = listener

    def unfollow(self, session_id: str, listener: Listener) -> None:
        """Ends that, unless another listener has taken the session over."""
        if self._listeners.get(session_id) is listener:
            del self._listeners[session_id]

    def silent_s(self) -> float:
        """Returns for how long the broker has not been read."""
        return 0.0 if self._polled_s is None else self._clock.monotonic_s() - self._polled_s

    def transcribed_s(self) -> float:
        """Returns when the engine told anything of any session, by the monotonic clock; 0: not yet."""
        return self._transcribed_s

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        tail: Tail | None = self._tail
        while not self._stop.is_set():
            try:
                tail = tail or self._connect((self._seen_ms or OVERLAP_MS) - OVERLAP_MS)
                for raw in tail.poll(POLL_S):
                    self._pin(raw)
                self._polled_s = self._clock.monotonic_s()
            except Exception as error:  # noqa: BLE001 - nobody else would hear of it, and all sessions wait for this thread
                log.warning("results_not_read", kind=type(error).__name__, reason=str(error))
                if tail is not None:
                    tail.close()
                tail = None
                self._stop.wait(AGAIN_S)
        if tail is not None:
            tail.close()

    def _pin(self, raw: RawRecord) -> None:
        self._seen_ms = max(self._seen_ms or 0, min(raw.timestamp_ms, int(self._clock.epoch_s() * 1_000)))
        if raw.source.topic == TRANSCRIPTS:
            self._transcribed_s = self._clock.monotonic_s()
        listener = self._listeners.get(keyed_session(raw))
        if listener is None:
            return
        try:
            record = decode(raw.source.topic, raw.value)
        except WireError as error:
            # Somebody else wrote it: the engine's own records can be read.
            log.warning("unreadable_record_ignored", topic=raw.source.topic, offset=raw.offset, detail=str(error))
            return
        listener(raw.source.topic, record)
