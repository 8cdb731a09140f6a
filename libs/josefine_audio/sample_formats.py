"""Raw sample formats: how bytes are samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from josefine_audio.decoder import Samples


def _mulaw_table() -> NDArray[np.int16]:
    """Returns int16 [256]: ITU-T G.711 mu-law, scaled from 14 to 16 bits; bias 0x84 = 33 << 2."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> NDArray[np.int16]:
    """Returns int16 [256]: ITU-T G.711 A-law, scaled from 13 to 16 bits; every other bit is sent inverted."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    mantissa, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = np.where(segment == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


MULAW: Final = _mulaw_table()
ALAW: Final = _alaw_table()


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """One way to write a sample."""

    name: str
    sample_bytes: int
    read: Callable[[Any], Samples]
    """Takes whole samples, gives them flat in file order."""


def _s24(payload: Any) -> NDArray[np.float32]:
    triples = np.frombuffer(payload, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(triples), 4), np.uint8)
    wide[:, 1:] = triples
    return s32_to_float(wide.reshape(-1).view("<i4"))


def s32_to_float(samples: NDArray[np.int32]) -> NDArray[np.float32]:
    """Returns float32 in [-1, 1) of int32 samples, any shape."""
    return samples.astype(np.float32) * np.float32(2.0**-31)


def u8_to_float(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns float32 in [-1, 1) of unsigned 8-bit samples (128 is silence), any shape."""
    return (samples.astype(np.float32) - 128.0) * np.float32(2.0**-7)


def bounded_float(samples: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Returns float32 in [-1, 1], any shape: one NaN or 1e30 would spoil a resampler's whole window."""
    bounded: NDArray[np.float32] = np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False)
    np.nan_to_num(bounded, copy=False)
    return bounded


SAMPLE_FORMATS: Final = {
    each.name: each
    for each in (
        SampleFormat("linear16", 2, lambda payload: np.frombuffer(payload, "<i2").astype(np.int16, copy=False)),
        SampleFormat("mulaw", 1, lambda payload: MULAW[np.frombuffer(payload, np.uint8)]),
        SampleFormat("alaw", 1, lambda payload: ALAW[np.frombuffer(payload, np.uint8)]),
        SampleFormat("u8", 1, lambda payload: u8_to_float(np.frombuffer(payload, np.uint8))),
        SampleFormat("linear24", 3, _s24),
        SampleFormat("linear32", 4, lambda payload: s32_to_float(np.frombuffer(payload, "<i4"))),
        SampleFormat("float32", 4, lambda payload: bounded_float(np.frombuffer(payload, "<f4"))),
        SampleFormat("float64", 8, lambda payload: bounded_float(np.frombuffer(payload, "<f8"))),
    )
}
