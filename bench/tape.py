"""Real speech as one long tape of samples, decoded once, for load that costs next to nothing to send."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bench.sound import samples
from josefine_cli.manifest import ReferenceClip
from josefine_wire.positions import SAMPLE_RATE_HZ

PAUSE_SAMPLES: Final = SAMPLE_RATE_HZ
"""Silence between two recordings: one does not go on in the middle of another's word."""
SAMPLE_BYTES: Final = 2
BYTES_PER_S: Final = SAMPLE_BYTES * SAMPLE_RATE_HZ


def record(clips: Iterable[ReferenceClip], seconds: float, path: Path) -> float:
    """Writes linear16 at 16 kHz, mono, of the clips one behind another until there is so much or no clip is left.

    Returns the seconds on the tape.
    """
    written = 0
    with path.open("wb") as tape:
        for clip in clips:
            if written >= seconds * BYTES_PER_S:
                break
            written += tape.write(samples(clip.path).tobytes())
            written += tape.write(bytes(SAMPLE_BYTES * PAUSE_SAMPLES))
    return written / BYTES_PER_S
