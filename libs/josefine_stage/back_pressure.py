"""Reading stops while the handler is full: the log is the buffer."""

from collections.abc import Collection

from josefine_stage.clock import Clock
from josefine_stage.handler import Source
from josefine_stage.ports import Reader

PAUSE_AFTER_S = 0.5
"""A pause drops what was fetched, so a short fullness is only waited out; polling goes on within this time."""


class BackPressure:
    """Whether a reader is read, paused, or left alone for a moment. Called from the loop's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_since_s: float | None = None
        self.paused = False
        """Whether the partitions are paused at the reader."""

    @property
    def waits(self) -> bool:
        """Whether the reader is left alone for now."""
        return self._full_since_s is not None and not self.paused

    def regulate(self, reader: Reader, partitions: Collection[Source], *, full: bool) -> None:
        """Hears whether the handler can take no more records, and pauses or resumes the reader."""
        if not full:
            self.lift(reader, partitions)
            self._full_since_s = None
            return
        now_s = self._clock.monotonic_s()
        self._full_since_s = now_s if self._full_since_s is None else self._full_since_s
        if not self.paused and now_s - self._full_since_s >= PAUSE_AFTER_S:
            reader.pause(list(partitions))
            self.paused = True

    def lift(self, reader: Reader, partitions: Collection[Source]) -> None:
        """Resumes what is paused: where partitions are added, whether to pause all of them is found out anew."""
        if self.paused:
            reader.resume(list(partitions))
        self.paused = False
