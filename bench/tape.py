"""Real speech as one long tape of samples, decoded once, for load that costs next to nothing to send."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_audio.encodings import CONTAINER, open_decoder
from josefine_audio.stream import AudioStream, StreamOptions
from josefine_cli.manifest import ReferenceClip
from josefine_wire.positions import SAMPLE_RATE_HZ

STEP_SAMPLES: Final = 48_000
PAUSE_SAMPLES: Final = SAMPLE_RATE_HZ
"""Silence between two recordings: one does not go on in the middle of another's word."""
SAMPLE_BYTES: Final = 2
BYTES_PER_S: Final = SAMPLE_BYTES * SAMPLE_RATE_HZ
SPOOL_BYTES: Final = 256 * 1024 * 1024


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


def samples(path: Path) -> NDArray[np.int16]:
    """Returns int16 [n], a recording as the engine itself decodes it (past damaged packets too), at 16 kHz, mono.

    Raises:
        AudioError: it cannot be decoded.
        OSError: it cannot be read.
    """
    decoder = open_decoder(CONTAINER, 0, 0, spool_limit_bytes=SPOOL_BYTES)
    stream = AudioStream(decoder, StreamOptions(frame_samples=SAMPLE_RATE_HZ, multichannel=False))
    frames = []
    try:
        stream.feed(path.read_bytes())
        stream.finish()
        while stream.pending:
            frames += stream.step(STEP_SAMPLES)
        frames += stream.flush()
    finally:
        stream.close()
    return np.concatenate([frame.samples[:, 0] for frame in frames])
