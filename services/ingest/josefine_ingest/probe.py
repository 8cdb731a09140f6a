"""A real, tiny unit of work: whether the decoders of this process decode."""

import struct
from typing import Final

from josefine_audio.encodings import open_decoder
from josefine_audio.errors import AudioError
from josefine_audio.stream import AudioStream, StreamOptions

_RATE_HZ: Final = 8_000
_SAMPLES: Final = 80
_RATE_AS_EXTENDED: Final = bytes.fromhex("400bfa00000000000000")
"""8000 as the 80-bit float that AIFF wants."""


def decodes() -> bool:
    """Whether 10 ms in a container that needs libav come out as 10 ms at 16 kHz."""
    options = StreamOptions(frame_samples=1_600, multichannel=False)
    stream = AudioStream(open_decoder("container", 0, 0, spool_limit_bytes=0), options)
    try:
        stream.feed(_aiff())
        stream.finish()
        while stream.pending:
            stream.step(_SAMPLES)
        return stream.position == 2 * _SAMPLES
    except AudioError:
        return False
    finally:
        stream.close()


def _aiff() -> bytes:
    common = struct.pack(">4sIhIh", b"COMM", 18, 1, _SAMPLES, 16) + _RATE_AS_EXTENDED
    sound = struct.pack(">4sIII", b"SSND", 8 + 2 * _SAMPLES, 0, 0) + bytes(2 * _SAMPLES)
    body = b"AIFF" + common + sound
    return struct.pack(">4sI", b"FORM", len(body)) + body
