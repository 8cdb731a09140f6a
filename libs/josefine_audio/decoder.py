"""What every decoder does: store bytes cheaply, decode in bounded steps."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16] | NDArray[np.float32]
"""[samples, channels], int16 or float32 in [-1, 1]."""

GapReason = Literal["missing_chunks", "missing_frames", "decode_error"]
"""Chunks that never came; time that passes in a container without audio; bytes that are no audio."""
LOWEST_RATE_HZ: Final = 4_000
HIGHEST_RATE_HZ: Final = 384_000
"""Rates that a container may have. The lower end bounds how far a byte can expand at 16 kHz."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Decoded audio of one sampling rate."""

    samples: Samples
    sample_rate_hz: int
    gap: GapReason | None = None
    """Set where the samples are silence in the place of lost audio; no samples when its length is unknown."""


class Decoder(Protocol):
    """Bytes in, samples out, for one session and one thread.

    What comes out depends on the bytes alone, not on how they were cut or when `decode` was called.
    """

    @property
    def starved(self) -> bool:
        """Whether everything that was fed (and, after `finish`, the rest) has been decoded."""

    @property
    def pending_samples(self) -> int:
        """Samples per channel that are fed and not decoded, where that is known before decoding; else 0."""

    def feed(self, payload: bytes) -> None:
        """Stores bytes for `decode`.

        Raises:
            AudioError: the bytes cannot be stored, or a header at their beginning makes no sense.
        """

    def finish(self) -> None:
        """Says that no more bytes come. Raises as `feed` does."""

    def decode(self, max_samples: int) -> list[Block]:
        """Returns the next samples, about `max_samples` per channel at the most (plus one codec frame).

        Raises:
            AudioError: nothing more can be decoded; blocks returned before stand.
        """

    def close(self) -> None:
        """Frees what the decoder holds; no call but `close` may follow."""
