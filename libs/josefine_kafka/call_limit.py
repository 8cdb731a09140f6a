"""A limit on calls into librdkafka that ignore their own: `send_offsets_to_transaction` waits for ever for a group's
coordinator that has left the cluster (https://github.com/confluentinc/librdkafka/issues/5511). When the group has lost
the member for whom it waits, there is nothing left to wait for.
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
IN_VAIN_S: Final = 2.0
"""For a call to return by itself that can no longer succeed."""


class CallLimit:
    """Ends the process where a call does not return: no thread can be taken out of C code, and nothing that it was
    about to commit is visible, so a restart replays it. One thread calls, another one watches.
    """

    def __init__(self, seconds: float, in_vain: Callable[[], bool] | None = None) -> None:
        """Begins to watch.

        Args:
            seconds: the calls' own deadline.
            in_vain: whether there is nothing left to wait for. It is asked in a thread of its own: while a callback of
                the consumer calls, asking the consumer for anything waits for the end of that.
        """
        self._seconds = seconds
        self._running: tuple[str, float] | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="call-limit", daemon=True).start()
        if in_vain is not None:
            threading.Thread(target=self._watch_sense, args=(in_vain,), name="call-sense", daemon=True).start()

    @contextmanager
    def on(self, doing: str) -> Iterator[None]:
        """Watches what is called inside."""
        self._running = (doing, time.monotonic() + self._seconds + GRACE_S)
        try:
            yield
        finally:
            self._running = None

    def close(self) -> None:
        """Ends the watching."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_S):
            running = self._running
            if running and time.monotonic() > running[1]:
                self._end(f"{running[0]}: the Kafka client has not returned after {self._seconds + GRACE_S:.0f} s")

    def _watch_sense(self, in_vain: Callable[[], bool]) -> None:
        vain, since_s = None, 0.0
        while not self._closed.wait(LOOK_S):
            running = self._running
            if running is None or not in_vain():
                vain = None
            elif vain is not running:
                vain, since_s = running, time.monotonic()
            elif time.monotonic() - since_s > IN_VAIN_S and self._running is running:
                self._end(f"{running[0]}: the broker answers, but the group has lost this member")

    def _end(self, why: str) -> None:
        try:
            sys.stderr.write(f"josefine: {why}. This process ends; a restart replays what it did not commit\n")
            sys.stderr.flush()
        finally:
            os._exit(1)
