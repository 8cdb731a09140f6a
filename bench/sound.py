"""Recordings as samples and as features, for benches that leave the stack out."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from josefine_models.store import fetch
from josefine_speech.features import FeatureExtractor, Stream, Stretch
from josefine_speech.mel import LogMel
from josefine_speech.vad import VoiceActivity
from josefine_wire.positions import SAMPLE_RATE_HZ


def samples(path: Path) -> NDArray[np.int16]:
    """Returns int16 [samples], the whole recording at 16 kHz, its channels mixed."""
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    parts = [np.asarray(frame.to_ndarray()).reshape(-1) for frame in frames]
    return np.concatenate(parts).astype(np.int16) if parts else np.empty(0, np.int16)


def log_mels(paths: Sequence[Path]) -> list[NDArray[np.float16]]:
    """Returns float16 [hops, 80] of each recording."""
    extractor = FeatureExtractor(LogMel(), VoiceActivity.load(fetch("silero-vad")))
    return [extractor.extract([Stretch(Stream(), samples(path).tobytes(), end=True)])[0].log_mel for path in paths]
