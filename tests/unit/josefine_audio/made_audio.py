"""Audio for tests, made on the spot: something like speech, in every container that is taken."""

import tempfile
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from josefine_audio.decoder import Decoder
from josefine_audio.encodings import open_decoder
from josefine_audio.stream import AudioStream, Frame, StreamOptions

SPOOL_LIMIT_BYTES = 8 * 1024 * 1024

CONTAINERS = {
    "wav": ("wav", "pcm_s16le", {}),
    "wav-mulaw": ("wav", "pcm_mulaw", {}),
    "wav-adpcm": ("wav", "adpcm_ima_wav", {}),
    "aiff": ("aiff", "pcm_s16be", {}),
    "flac": ("flac", "flac", {}),
    "ogg-opus": ("ogg", "libopus", {}),
    "webm-opus": ("webm", "libopus", {}),
    "mp3": ("mp3", "libmp3lame", {}),
    "adts": ("adts", "aac", {}),
    "m4a": ("ipod", "aac", {}),
    "mp4-faststart": ("mp4", "aac", {"movflags": "faststart"}),
    "mp4-fragmented": (
        "mp4",
        "aac",
        {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"},
    ),
}
"""Name -> muxer, codec, muxer options."""
VORBIS = ("ogg", "vorbis", {})
"""Beside the others, because libav's encoder knows stereo only."""
LOSSLESS = {"wav", "aiff", "flac"}


def speechlike(seconds: float, rate_hz: int = 16_000, channels: int = 1, seed: int = 0) -> NDArray[np.int16]:
    """Returns int16 [samples, channels]: a hum with formants, syllables and breath, different in each channel."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    voices = []
    for channel in range(channels):
        pitch_hz = 110 + 40 * channel + 20 * np.sin(2 * np.pi * 0.7 * time_s)
        phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
        voice = sum(np.sin(k * phase) / k for k in range(1, 12))
        syllables = np.clip(np.sin(2 * np.pi * 3.1 * time_s + channel), 0, 1)
        voices.append(0.2 * voice * syllables + 0.003 * rng.standard_normal(len(time_s)))
    return np.rint(np.clip(np.stack(voices, axis=1), -1, 1) * 32767).astype(np.int16)


def encoded(name: str, samples: NDArray[np.int16], rate_hz: int) -> bytes:
    """Returns the samples in one of CONTAINERS."""
    muxer, codec, options = CONTAINERS.get(name, VORBIS)
    layout = {1: "mono", 2: "stereo"}[samples.shape[1]]
    # A real file: the muxer opens it a second time to move the description to the front.
    with tempfile.NamedTemporaryFile() as file, av.open(file.name, "w", format=muxer, options=options) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout, options={"strict": "experimental"})
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, layout, stream.sample_rate, stream.frame_size or 4096)
        for ready in (*resampler.resample(frame), *resampler.resample(None)):
            for packet in stream.encode(ready):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
        container.close()
        return Path(file.name).read_bytes()


@cache
def sample_file(name: str, seconds: float = 2.0, rate_hz: int = 16_000, channels: int = 1) -> bytes:
    """Returns speech-like audio in one of CONTAINERS."""
    return encoded(name, speechlike(seconds, rate_hz, channels), rate_hz)


def cut(payload: bytes, borders: Iterable[int]) -> list[bytes]:
    """Returns the payload cut at the given places (taken modulo its length)."""
    at = sorted({0, len(payload), *(border % (len(payload) + 1) for border in borders)})
    return [payload[begin:end] for begin, end in pairwise(at)]


def container_decoder() -> Decoder:
    return open_decoder("container", 0, 0, spool_limit_bytes=SPOOL_LIMIT_BYTES)


def frames_of(
    chunks: Iterable[bytes], decoder: Decoder | None = None, options: StreamOptions | None = None, step: int = 48_000
) -> list[Frame]:
    """Returns all frames of a session, the last one short. Closes the decoder."""
    stream = AudioStream(decoder or container_decoder(), options or StreamOptions(1_600, multichannel=False))
    frames: list[Frame] = []
    try:
        for chunk in chunks:
            stream.feed(chunk)
            while stream.pending:
                frames += stream.step(step)
        stream.finish()
        while stream.pending:
            frames += stream.step(step)
        return frames + stream.flush()
    finally:
        stream.close()


def signal_of(frames: Iterable[Frame]) -> NDArray[np.int16]:
    """Returns the frames joined, after checking that they follow each other."""
    frames = list(frames)
    for before, after in pairwise(frames):
        assert after.start_sample == before.end_sample
    return np.concatenate([frame.samples for frame in frames])
