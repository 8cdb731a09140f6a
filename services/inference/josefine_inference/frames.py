"""A feature frame, checked and as arrays."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from josefine_inference.mel import MOST_MELS, Mel
from josefine_inference.segmenter import hop_of
from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES
from josefine_wire.records import FeatureFrame

_EXPONENT: Final = np.uint16(0x7C00)
MOST_APART_HOPS: Final = 100
"""Mel and voice activity of a record end within this of each other: it bounds what a segment can hold."""


class FrameError(ValueError):
    """A record that cannot be features. Dead-letter it; the message names the field."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The arrays of one record."""

    record: FeatureFrame
    log_mel: Mel
    probabilities: list[float]

    @property
    def end_hop(self) -> int:
        return self.record["start_hop"] + len(self.log_mel)

    @property
    def end_window(self) -> int:
        return self.record["start_window"] + len(self.probabilities)


def parse(record: FeatureFrame) -> Frame:
    """Returns the record's arrays; the mel is a view of its bytes, float16 [hops, mels].

    Raises:
        FrameError: sizes that do not fit, numbers that are none, mel and voice activity far apart.
    """
    frame = Frame(record, _columns(record), _probabilities(record))
    if record["start_hop"] < 0 or record["start_window"] < 0:
        raise FrameError("start_hop, start_window: below 0")
    if abs(hop_of(frame.end_window) - frame.end_hop) > MOST_APART_HOPS:
        raise FrameError(f"speech_probability ends at hop {hop_of(frame.end_window)}, log_mel at {frame.end_hop}")
    return frame


def without_features(record: FeatureFrame, hop: int, window: int) -> Frame:
    """Returns what is left of a record that cannot be features: its marks, behind `hop` and `window`, or behind all the
    audio that was there where it ends the channel.
    """
    bare, total = record.copy(), record["end"]["samples"] if record["end"] else 0
    bare["start_hop"], bare["log_mel"] = max(hop, total // HOP_SAMPLES), b""
    bare["start_window"], bare["speech_probability"] = max(window, total // VAD_WINDOW_SAMPLES), b""
    return Frame(bare, np.empty((0, 1), np.float16), [])


def _columns(record: FeatureFrame) -> Mel:
    mels, size = record["mels"], len(record["log_mel"])
    if mels > MOST_MELS:  # a segment of such columns would not fit into a slot of shared memory
        raise FrameError(f"mels: {mels}, no model has more than {MOST_MELS}")
    if not size:
        return np.empty((0, max(1, mels)), np.float16)
    if mels < 1 or size % (2 * mels):
        raise FrameError(f"log_mel: {size} bytes are no columns of {mels} float16")
    columns: NDArray[np.float16] = np.frombuffer(record["log_mel"], "<f2").reshape(-1, mels)
    if not _all_finite(columns):
        raise FrameError("log_mel: holds what is no finite number")
    return columns


def _probabilities(record: FeatureFrame) -> list[float]:
    size = len(record["speech_probability"])
    if size % 2:
        raise FrameError(f"speech_probability: {size} bytes are no float16")
    probabilities = np.frombuffer(record["speech_probability"], "<f2").astype(np.float32)
    if not np.isfinite(probabilities).all():
        raise FrameError("speech_probability: holds what is no finite number")
    values: list[float] = probabilities.tolist()
    return values


def _all_finite(numbers: NDArray[np.float16]) -> bool:
    """Whether no exponent is all ones (IEEE 754): numpy's own test turns each float16 into a float32 first."""
    return not (numbers.view(np.uint16) & _EXPONENT == _EXPONENT).any()
