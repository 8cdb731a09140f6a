"""The signal of a session: samples of any rate and channels in, equal cuts of 16 kHz out."""

from typing import Any, Final

import numpy as np

from josefine_audio.decoder import Samples
from josefine_audio.framer import Cut, Framer
from josefine_audio.resampler import Resampler
from josefine_audio.samples import to_channels
from josefine_wire.positions import SAMPLE_RATE_HZ

_LONGEST_BLOCK_S: Final = 1.0
"""Longer ones are hardly cheaper, and what waits for its block is part of a session's snapshot."""


class Track:
    """`channels` channels in step: mixed or fitted, resampled, cut."""

    def __init__(self, rate_hz: int, channels: int, frame_samples: int) -> None:
        self.channels: Final = channels
        self._frame_samples: Final = frame_samples
        self._framer = Framer(frame_samples, channels)
        self._resampler = self._new_resampler(rate_hz)

    @property
    def rate_hz(self) -> int:
        """Rate of what goes in now."""
        return self._resampler.rate_hz

    @property
    def position(self) -> int:
        """End of what went in, in 16 kHz samples."""
        return self._framer.end_sample + self._resampler.held_samples

    def push(self, samples: Samples, rate_hz: int) -> list[Cut]:
        """Takes [samples, channels]; returns the frames that are full."""
        cuts: list[Cut] = []
        if rate_hz != self.rate_hz:
            # A stream may be spliced from several: the old rate's rest comes out, the new rate begins behind it.
            cuts = self._framer.push(self._resampler.flush())
            self._resampler = self._new_resampler(rate_hz)
        return cuts + self._framer.push(self._resampler.push(to_channels(samples, self.channels)))

    def silence(self, samples: int) -> list[Cut]:
        """Pushes so many samples of silence at the present rate."""
        return self.push(np.zeros((samples, self.channels), np.int16), self.rate_hz)

    def flush(self) -> list[Cut]:
        """Returns everything up to `position`; the last cut is shorter than a frame and perhaps empty."""
        return [*self._framer.push(self._resampler.flush()), self._framer.flush()]

    def state(self) -> dict[str, Any]:
        """Returns what `restore` needs, in types that msgpack knows."""
        return {
            "resampler": self._resampler.state(),
            "start_sample": self._framer.start_sample,
            "pending": self._framer.pending.tobytes(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a track with the same arguments."""
        self._resampler.restore(state["resampler"])
        pending = np.frombuffer(state["pending"], np.int16).reshape(-1, self.channels)
        self._framer = Framer(self._frame_samples, self.channels, start_sample=state["start_sample"], pending=pending)

    def _new_resampler(self, rate_hz: int) -> Resampler:
        # Blocks of a frame's length at the most: a frame waits for its last sample anyway.
        block_s = min(self._frame_samples / SAMPLE_RATE_HZ, _LONGEST_BLOCK_S)
        return Resampler(rate_hz, self.channels, block_s)
