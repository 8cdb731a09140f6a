"""Recordings as samples and as features, for benches that leave the stack out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_audio.encodings import CONTAINER, open_decoder
from josefine_audio.stream import AudioStream, StreamOptions
from josefine_models.store import fetch
from josefine_speech.features import FeatureExtractor, Stream, Stretch
from josefine_speech.mel import LogMel
from josefine_speech.vad import VoiceActivity
from josefine_wire.positions import SAMPLE_RATE_HZ

STEP_SAMPLES: Final = 48_000
SPOOL_BYTES: Final = 256 * 1024 * 1024


def samples(path: Path) -> NDArray[np.int16]:
    """Returns int16 [samples], the whole recording as the engine itself decodes it (past damaged packets too), at
    16 kHz, its channels mixed.
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
    return np.concatenate([frame.samples[:, 0] for frame in frames]) if frames else np.empty(0, np.int16)


def log_mels(paths: Sequence[Path]) -> list[NDArray[np.float16]]:
    """Returns float16 [hops, 80] of each recording."""
    extractor = FeatureExtractor(LogMel(), VoiceActivity.load(fetch("silero-vad")))
    return [extractor.extract([Stretch(Stream(), samples(path).tobytes(), end=True)])[0].log_mel for path in paths]
