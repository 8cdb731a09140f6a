"""From frames of samples to records of audio.frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from josefine_audio.stream import Frame
from josefine_stage.handler import Output
from josefine_wire import topics
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import AudioFrame, SessionConfig, SessionEnd


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a position was captured, as far as the producer told."""

    captured_at_us: int
    """0: unknown."""
    position: int
    """16 kHz sample that was the last then."""

    def of(self, position: int) -> int:
        """Returns when a position was captured, Unix epoch in microseconds; 0: unknown."""
        if self.captured_at_us == 0:
            return 0
        return max(0, self.captured_at_us - max(0, self.position - position) * 1_000_000 // SAMPLE_RATE_HZ)


UNKNOWN_TIME = CaptureTime(0, 0)


@dataclass(slots=True)
class FrameWriter:
    """Gives a session's frames their numbers. All channels go in step."""

    session_id: str
    session_started_at: int
    config: SessionConfig
    sequence: int = 0

    def frame(
        self,
        frame: Frame,
        captured_at_us: int,
        *,
        flush: bool = False,
        end: SessionEnd | None = None,
    ) -> Sequence[Output]:
        """Returns one record a channel and counts on."""
        channels = frame.samples.shape[1]
        outputs = [
            Output(
                topics.AUDIO_FRAMES,
                topics.channel_key(self.session_id, channel),
                AudioFrame(
                    session_id=self.session_id,
                    channel=channel,
                    channels=channels,
                    sequence=self.sequence,
                    session_started_at=self.session_started_at,
                    captured_at=captured_at_us,
                    start_sample=frame.start_sample,
                    samples=np.ascontiguousarray(frame.samples[:, channel], "<i2").tobytes(),
                    gaps=frame.gaps,
                    start=self.config if self.sequence == 0 else None,
                    flush=flush,
                    end=end,
                ),
            )
            for channel in range(channels)
        ]
        self.sequence += 1
        return outputs
