"""Signed 32-bit samples, which the pipeline takes as 16-bit ones."""

import numpy as np


def linear16_of(payload: bytes, carry: bytes = b"") -> tuple[bytes, bytes]:
    """Returns 32-bit little-endian integer samples as 16-bit ones, and the bytes of a begun sample.

    `carry` is what the call before left; channels stay interleaved. The lower half of each sample is dropped:
    speech has no use for what lies below -96 dB.
    """
    whole = carry + payload
    end = len(whole) // 4 * 4
    samples = np.frombuffer(whole, "<i4", end // 4) >> 16
    return samples.astype("<i2").tobytes(), whole[end:]
