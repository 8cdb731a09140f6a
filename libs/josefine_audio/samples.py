"""Arrays of samples: channels, int16."""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from josefine_audio.decoder import Samples


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Returns int16, same shape: rounded to nearest and clipped; int16 comes back as it is."""
    if samples.dtype == np.int16:
        return np.asarray(samples, np.int16)
    scaled = np.rint(samples * np.float32(32768.0))
    clipped: NDArray[np.int16] = np.clip(scaled, -32768.0, 32767.0).astype(np.int16)
    return clipped


def to_float32(samples: Samples) -> NDArray[np.float32]:
    """Returns float32 in [-1, 1), same shape."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) * np.float32(2.0**-15)
    return np.asarray(samples, np.float32)


def to_channels(samples: Samples, channels: int) -> Samples:
    """Returns [samples, channels]: one channel is the mean of all; else missing ones are silent, more are left out."""
    have = samples.shape[1]
    if have == channels:
        return samples
    if channels == 1:
        # Channel by channel: numpy's own mean along the few channels of each sample takes five times as long.
        mixed: NDArray[np.float32] = reduce(np.add, to_float32(samples).T) / np.float32(have)
        return mixed[:, np.newaxis]
    fitted: Samples = np.zeros((len(samples), channels), samples.dtype)
    fitted[:, : min(have, channels)] = samples[:, : min(have, channels)]
    return fitted
