"""A limit on calls into librdkafka that ignore their own: `send_offsets_to_transaction` waits for ever for a group's
coordinator that has left the cluster (https://github.com/confluentinc/librdkafka/issues/5511), also when it is back.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LOOK_S: Final = 0.5
GRACE_S: Final = 5.0
"""On top of a call's own deadline, after which it should return by itself."""
ASK_AFTER_S: Final = 11.0
"""A call that takes so long is asked about. With PATIENCE_S it is more than most clusters need for another leader (9 s
until a broker counts as lost, and then an election): until then the call may wait for one that nobody was asked about,
the coordinator of the transaction.
"""
PATIENCE_S: Final = 4.0
"""For a call to return by itself whose broker answers others: librdkafka connects again within 2 s."""


class CallLimit:
    """Ends the process where a call does not return: no thread can be taken out of C code, and nothing that it was
    about to commit is visible, so a restart replays it. One thread calls, another one watches.
    """

    def __init__(self, seconds: float, answered: Callable[[], bool] | None = None) -> None:
        """Begins to watch.

        Args:
            seconds: the calls' own deadline.
            answered: whether the broker that a call waits for answers others. It is asked in a thread of its own, for
                it calls the client as well.
        """
        self._seconds = seconds
        self._running: tuple[str, float] | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="call-limit", daemon=True).start()
        if answered is not None:
            threading.Thread(target=self._watch_answers, args=(answered,), name="call-answers", daemon=True).start()

    @contextmanager
    def on(self, doing: str) -> Iterator[None]:
        """Watches what is called inside."""
        self._running = (doing, time.monotonic())
        try:
            yield
        finally:
            self._running = None

    def close(self) -> None:
        """Ends the watching."""
        self._closed.set()

    def _watch(self) -> None:
        most_s = self._seconds + GRACE_S
        while not self._closed.wait(LOOK_S):
            running = self._running
            if running and time.monotonic() - running[1] > most_s:
                self._end(f"{running[0]}: the Kafka client has not returned after {most_s:.0f} s")

    def _watch_answers(self, answered: Callable[[], bool]) -> None:
        waiting, since_s = None, 0.0
        while not self._closed.wait(LOOK_S):
            running = self._running
            if running is None or time.monotonic() - running[1] < ASK_AFTER_S or not answered():
                waiting = None
            elif waiting is not running:
                waiting, since_s = running, time.monotonic()
            elif time.monotonic() - since_s > PATIENCE_S and self._running is running:
                self._end(f"{running[0]}: the broker answers, but the Kafka client does not return")

    def _end(self, why: str) -> None:
        try:
            sys.stderr.write(f"josefine: {why}. This process ends; a restart replays what it did not commit\n")
            sys.stderr.flush()
        finally:
            os._exit(1)
