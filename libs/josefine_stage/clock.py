"""Time as a value, so that tests need not wait for it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where the runtime reads time."""

    def monotonic_s(self) -> float:
        """Returns seconds from an arbitrary zero; never goes back. For intervals and deadlines."""

    def epoch_s(self) -> float:
        """Returns Unix time; may step. For comparing with timestamps in the log."""

    def wait(self, seconds: float) -> None:
        """Returns after `seconds`."""


class SystemClock:
    """The machine's clocks."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def epoch_s(self) -> float:
        return time.time()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)  # the loop gathers records, or a handler is full or loads: nothing may wake it
