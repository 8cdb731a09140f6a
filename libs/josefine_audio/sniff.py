"""Which container bytes are, from the bytes alone: names and content types lie."""

import struct
from dataclasses import dataclass
from typing import Final

from josefine_audio.wav import WavHeader, is_wav, read_header

PREFIX_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""Most bytes kept to decide: tags with cover pictures stand before the audio."""
_MAGIC_BYTES: Final = 12

_MAGIC: Final = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"#!AMR", "amr"),
    (b".snd", "au"),
    (b"caff", "caf"),
)
_MP4_BOXES: Final = frozenset((b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"styp"))


@dataclass(frozen=True, slots=True)
class Container:
    """How the bytes are to be read."""

    demuxer: str | None
    """libav's name of the format; None: it has to look for MPEG frames among other bytes."""
    streamable: bool = True
    """False: the whole file is needed, because what describes the samples stands behind them."""
    wav: WavHeader | None = None
    """Set where the samples are raw and need no demuxer."""


def sniff(prefix: bytes | bytearray, *, complete: bool) -> Container | None:
    """Returns what the bytes are, or None while more of them are needed (never when `complete`).

    Raises:
        UnsupportedAudioError: a WAV header that makes no sense.
    """
    if not complete and len(prefix) < _MAGIC_BYTES:
        return None
    whole = complete or len(prefix) >= PREFIX_LIMIT_BYTES
    if is_wav(prefix):
        header = read_header(prefix)
        if header is None and not whole:
            return None
        return Container("wav", wav=header if header and header.sample_format else None)
    if prefix[:3] == b"ID3":
        return _behind_id3(prefix, whole=whole)
    if bytes(prefix[4:8]) in _MP4_BOXES:
        streamable = _description_first(prefix)
        return None if streamable is None and not whole else Container("mov", streamable=bool(streamable))
    return _by_magic(prefix)


def _by_magic(prefix: bytes | bytearray) -> Container:
    for magic, demuxer in _MAGIC:
        if prefix.startswith(magic):
            return Container(demuxer, streamable=demuxer != "caf")
    if prefix[:4] == b"FORM" and prefix[8:12] in (b"AIFF", b"AIFC"):
        return Container("aiff")
    if len(prefix) > 1 and prefix[0] == 0xFF and prefix[1] & 0xE0 == 0xE0:
        # Eleven set bits; layer 0 is ADTS (ISO 13818-7), 1 to 3 are MPEG audio (ISO 11172-3).
        return Container("aac" if prefix[1] & 0x06 == 0 else "mp3")
    return Container(None)


def _behind_id3(prefix: bytes | bytearray, *, whole: bool) -> Container | None:
    """An ID3v2 tag: ten bytes, then as many as its four sevens of bits say; the audio begins behind it."""
    size = 0
    for septet in prefix[6:10]:
        size = size << 7 | septet & 0x7F
    end = 10 + size
    if end + _MAGIC_BYTES <= len(prefix):
        behind = _by_magic(prefix[end:])
        return behind if behind.demuxer in ("aac", "flac") else Container("mp3")
    return Container("mp3") if whole or end > PREFIX_LIMIT_BYTES else None


def _description_first(prefix: bytes | bytearray) -> bool | None:
    """Whether an MP4 file's moov (or a fragment's moof) box stands before its samples; None: not seen yet."""
    at = 0
    while at + 8 <= len(prefix):
        size, name = struct.unpack_from(">I4s", prefix, at)
        if name in (b"moov", b"moof"):
            return True
        if name == b"mdat":
            return False
        if size == 1 and at + 16 <= len(prefix):
            size = struct.unpack_from(">Q", prefix, at + 8)[0]
        if size < 8:
            return None if size == 1 else False
        at += size
    return None
