"""A limit on calls into librdkafka that ignore their own: `send_offsets_to_transaction` waits for ever for a group's
coordinator that has left the cluster (https://github.com/confluentinc/librdkafka/issues/5511).
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOOK_S: Final = 0.5
GRACE_S: Final = 5.0
"""On top of a call's own deadline, after which it should return by itself."""


class CallLimit:
    """Ends the process where a call does not return: no thread can be taken out of C code, and nothing that it was
    about to commit is visible, so a restart replays it. One thread calls, another one watches.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds` is the calls' own deadline."""
        self._seconds = seconds
        self._running: tuple[str, float] | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="call-limit", daemon=True).start()

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
                self._end(running[0])

    def _end(self, doing: str) -> None:
        sys.stderr.write(
            f"josefine: {doing}: the Kafka client has not returned after {self._seconds + GRACE_S:.0f} s."
            " This process ends; a restart replays what it did not commit\n"
        )
        sys.stderr.flush()
        os._exit(1)
