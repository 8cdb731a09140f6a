"""Raw interleaved samples."""

from typing import Final

from josefine_audio.decoder import Block
from josefine_audio.sample_formats import SampleFormat


class RawDecoder:
    """Cuts bytes into samples of all channels; what is left of a sample waits for the next bytes."""

    def __init__(self, sample_format: SampleFormat, sample_rate_hz: int, channels: int) -> None:
        self._format: Final = sample_format
        self._sample_rate_hz: Final = sample_rate_hz
        self._channels: Final = channels
        self._frame_bytes: Final = sample_format.sample_bytes * channels
        self._fed = b""
        self._at = 0

    @property
    def sample_rate_hz(self) -> int:
        return self._sample_rate_hz

    @property
    def starved(self) -> bool:
        return self.pending_samples == 0

    @property
    def pending_samples(self) -> int:
        return (len(self._fed) - self._at) // self._frame_bytes

    @property
    def carry(self) -> bytes:
        """The bytes that are fed and not decoded; less than one sample of all channels when starved."""
        return self._fed[self._at :]

    def drop_carry(self) -> None:
        """Forgets the begun sample: its rest was lost."""
        self._fed = self._fed[: self._at + self.pending_samples * self._frame_bytes]

    def feed(self, payload: bytes) -> None:
        self._fed = self.carry + payload if self.carry else payload
        self._at = 0

    def finish(self) -> None:
        """Needs nothing: a begun sample at the end is less than a sample."""

    def decode(self, max_samples: int) -> list[Block]:
        samples = min(self.pending_samples, max_samples)
        if samples == 0:
            return []
        end = self._at + samples * self._frame_bytes
        flat = self._format.read(memoryview(self._fed)[self._at : end])
        self._at = end
        return [Block(flat.reshape(samples, self._channels), self._sample_rate_hz)]

    def close(self) -> None:
        self._fed, self._at = b"", 0
