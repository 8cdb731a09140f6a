"""The encodings that a session may name, and their decoders."""

from typing import Final

from josefine_audio.container import ContainerDecoder
from josefine_audio.decoder import Decoder
from josefine_audio.opus import OpusDecoder
from josefine_audio.raw import RawDecoder
from josefine_audio.sample_formats import SAMPLE_FORMATS

RAW_ENCODINGS: Final = ("linear16", "mulaw", "alaw")
"""Interleaved samples: the rate and the channels have to be named, the decoder's state can be stored."""
OPUS: Final = "opus"
CONTAINER: Final = "container"
ENCODINGS: Final = (*RAW_ENCODINGS, OPUS, CONTAINER)


def open_decoder(encoding: str, sample_rate_hz: int, channels: int, *, spool_limit_bytes: int) -> Decoder:
    """Returns a decoder for one of ENCODINGS.

    `channels` of Opus: 1 or 2, 0 means 1. Containers name their own rate and channels; those which describe their
    samples at the end are kept up to `spool_limit_bytes`.
    """
    if encoding in RAW_ENCODINGS:
        return RawDecoder(SAMPLE_FORMATS[encoding], sample_rate_hz, channels)
    if encoding == OPUS:
        return OpusDecoder(channels or 1)
    return ContainerDecoder(spool_limit_bytes)
