"""The samples of a WAV file, and what follows them."""

import re
from typing import Final

from josefine_audio.decoder import Block
from josefine_audio.errors import UnsupportedAudioError
from josefine_audio.raw import RawDecoder
from josefine_audio.sample_formats import SampleFormat
from josefine_audio.wav import WavHeader

_HEADER_BYTES: Final = 12
_ANOTHER: Final = re.compile(rb"(?:RIFF|RIFX|RF64).{4}WAVE", re.DOTALL)


class WavDecoder(RawDecoder):
    """Takes as many bytes as the header says; what follows in a file is no audio, and is left out.

    Another file behind the samples is an error: a client that sends each piece as a file of its own would be heard for
    the first of them, and told nothing.
    """

    def __init__(self, sample_format: SampleFormat, header: WavHeader) -> None:
        super().__init__(sample_format, header.sample_rate_hz, header.channels)
        self._left_bytes = header.sample_bytes
        size_bytes = header.sample_bytes or 0
        self._end_byte: Final = header.samples_at + size_bytes
        self._pads: Final = (0, 1) if size_bytes % 2 else (0,)
        """Bytes between the samples and what follows: chunks begin at even places, but not those of every writer."""
        self._behind = b""
        """The first bytes behind the samples, as many as a header and its padding have."""

    @property
    def starved(self) -> bool:
        return super().starved and self._another_at is None

    def feed(self, payload: bytes) -> None:
        if self._left_bytes is None:
            super().feed(payload)
            return
        samples = payload[: self._left_bytes]
        self._left_bytes -= len(samples)
        wanted = self._pads[-1] + _HEADER_BYTES - len(self._behind)
        self._behind += payload[len(samples) : len(samples) + wanted]
        super().feed(samples)

    def decode(self, max_samples: int) -> list[Block]:
        """Raises UnsupportedAudioError once all samples are out and another file follows them."""
        blocks = super().decode(max_samples)
        if not blocks and self._another_at is not None:
            raise UnsupportedAudioError(
                f"WAV: another header at byte {self._another_at}, behind the samples that the first announces: send "
                "one header and then samples alone, or raw linear16"
            )
        return blocks

    @property
    def _another_at(self) -> int | None:
        """Byte offset of another file, as soon as its header is there."""
        found = (self._end_byte + pad for pad in self._pads if _ANOTHER.match(self._behind, pad))
        return next(found, None)
