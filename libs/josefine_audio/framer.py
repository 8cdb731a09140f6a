"""Cuts a signal into frames of equal length."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Cut(NamedTuple):
    """A piece of a signal and where it stands."""

    start_sample: int
    samples: NDArray[np.int16]
    """[samples, channels]"""

    @property
    def end_sample(self) -> int:
        return self.start_sample + len(self.samples)


class Framer:
    """Signals of any length in, frames of `frame_samples` out; only `flush` gives a shorter one."""

    def __init__(
        self, frame_samples: int, channels: int, *, start_sample: int = 0, pending: NDArray[np.int16] | None = None
    ) -> None:
        self._frame_samples: Final = frame_samples
        self._pending = np.zeros((0, channels), np.int16) if pending is None else pending
        self.start_sample = start_sample
        """Position of the first sample that has not come out."""

    @property
    def pending(self) -> NDArray[np.int16]:
        """What has not come out, int16 [samples, channels]."""
        return self._pending

    @property
    def end_sample(self) -> int:
        """Position behind the last sample that went in."""
        return self.start_sample + len(self._pending)

    def push(self, samples: NDArray[np.int16]) -> list[Cut]:
        """Takes int16 [samples, channels]; returns the frames that are full."""
        joined = np.concatenate([self._pending, samples]) if len(self._pending) else samples
        full = len(joined) - len(joined) % self._frame_samples
        cuts = [
            Cut(self.start_sample + at, joined[at : at + self._frame_samples])
            for at in range(0, full, self._frame_samples)
        ]
        # A copy: the rest must not keep a whole recording's array alive.
        self._pending = joined[full:].copy() if full else joined
        self.start_sample += full
        return cuts

    def flush(self) -> Cut:
        """Returns what is left, shorter than a frame and perhaps empty."""
        cut = Cut(self.start_sample, self._pending)
        self._pending = self._pending[:0].copy()
        self.start_sample = cut.end_sample
        return cut
