"""Units of position: everything between ingest and the edge counts 16 kHz samples from session start."""

from typing import Final

SAMPLE_RATE_HZ: Final = 16_000
HOP_SAMPLES: Final = 160
"""One mel column: 10 ms, the hop that Whisper was trained with (openai/whisper, audio.py)."""
VAD_WINDOW_SAMPLES: Final = 512
"""One voice-activity decision: 32 ms, the window that Silero VAD was trained with."""


def seconds(samples: int) -> float:
    """Returns a position or length in seconds, for the edge only."""
    return samples / SAMPLE_RATE_HZ


def samples(seconds_: float) -> int:
    """Returns the number of 16 kHz samples nearest to `seconds_`."""
    return round(seconds_ * SAMPLE_RATE_HZ)
