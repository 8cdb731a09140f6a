"""WAV headers, read by hand: raw samples of a WAV come out with the bytes, without a demuxer's look-ahead."""

import struct
from dataclasses import dataclass
from typing import Final

from josefine_audio.decoder import HIGHEST_RATE_HZ, LOWEST_RATE_HZ
from josefine_audio.errors import UnsupportedAudioError
from josefine_audio.sample_formats import SAMPLE_FORMATS, SampleFormat

_RIFF_HEADER_BYTES: Final = 12
_CHUNK_HEADER_BYTES: Final = 8
_EXTENSIBLE: Final = 0xFFFE
_FORMATS: Final = {
    (1, 8): "u8",
    (1, 16): "linear16",
    (1, 24): "linear24",
    (1, 32): "linear32",
    (3, 32): "float32",
    (3, 64): "float64",
    (6, 8): "alaw",
    (7, 8): "mulaw",
}
"""Format tag and bits of a sample (RFC 2361) -> sample format. Others go to the demuxer."""
_UNKNOWN_SIZES: Final = frozenset((0, 0xFFFFFFFF, 0x7FFFFFFF))
"""Sizes that writers put down who cannot go back: the samples go on to the end of the bytes."""


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What stands before the samples."""

    sample_format: SampleFormat | None
    """None: compressed samples."""
    sample_rate_hz: int
    channels: int
    samples_at: int
    """Byte offset of the first sample."""
    sample_bytes: int | None
    """Length of all samples; None: to the end of the bytes."""


def is_wav(prefix: bytes | bytearray) -> bool:
    """Whether the bytes begin as a WAV file (little-endian)."""
    return prefix[:4] in (b"RIFF", b"RF64") and prefix[8:12] == b"WAVE"


def read_header(prefix: bytes | bytearray) -> WavHeader | None:
    """Returns the header, or None while the samples' chunk has not begun.

    Raises:
        UnsupportedAudioError: a field makes no sense; the message names it and its byte offset.
    """
    at, fmt, size64 = _RIFF_HEADER_BYTES, None, None
    while at + _CHUNK_HEADER_BYTES <= len(prefix):
        name, size = struct.unpack_from("<4sI", prefix, at)
        at += _CHUNK_HEADER_BYTES
        if name == b"data":
            if fmt is None:
                raise UnsupportedAudioError(f"WAV: samples at byte {at} without a format before them")
            length = size64 if size == 0xFFFFFFFF and size64 else size
            return _header(fmt, at, None if length in _UNKNOWN_SIZES else length)
        if name in (b"fmt ", b"ds64"):
            if at + size > len(prefix):
                return None
            if name == b"fmt ":
                fmt = _fmt(prefix[at : at + size], at)
            elif size >= 16:
                size64 = struct.unpack_from("<Q", prefix, at + 8)[0]
        at += size + size % 2
    return None


@dataclass(frozen=True, slots=True)
class _Fmt:
    tag: int
    channels: int
    sample_rate_hz: int
    block_bytes: int
    bits: int


def _fmt(chunk: bytes | bytearray, at: int) -> _Fmt:
    if len(chunk) < 16:
        raise UnsupportedAudioError(f"WAV: the format at byte {at} has {len(chunk)} bytes, 16 are needed")
    tag, channels, rate, _, block_bytes, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]  # the first bytes of the sub-format's GUID
    if channels == 0:
        raise UnsupportedAudioError(f"WAV: no channels at byte {at + 2}")
    if not LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        raise UnsupportedAudioError(f"WAV: sampling rate {rate} Hz at byte {at + 4}")
    return _Fmt(tag, channels, rate, block_bytes, bits)


def _header(fmt: _Fmt, at: int, length: int | None) -> WavHeader:
    name = _FORMATS.get((fmt.tag, fmt.bits))
    known = name is not None and fmt.block_bytes == fmt.channels * fmt.bits // 8
    sample_format = SAMPLE_FORMATS[name] if known and name else None
    return WavHeader(sample_format, fmt.sample_rate_hz, fmt.channels, at, length)
