"""Decoded frames in the order of a container's time stamps, with silence where audio is missing."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final, NamedTuple

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from josefine_audio.decoder import Block, GapReason, Samples
from josefine_audio.sample_formats import bounded_float, s32_to_float, u8_to_float

_LEAST_HOLE_S: Final = 0.06
"""A jump of the time stamps between two frames is lost audio from here on; less is a recorder's jitter."""
_MOST_FILLED_S: Final = 30.0
"""A longer jump is not filled: recorders pause, clocks step."""


class _Piece(NamedTuple):
    rate_hz: int
    kind: str
    gap: GapReason | None
    samples: NDArray[Any]
    """[samples, channels] as the codec gave them."""


class Timeline:
    """Collects what a decoder gives until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._next_s: float | None = None
        """Time stamp that the next frame should have."""
        self._any_audio = False
        self._any_damage = False
        self.samples = 0
        """Samples per channel that are there to be taken."""

    @property
    def all_damaged(self) -> bool:
        """Whether nothing but damage has come."""
        return self._any_damage and not self._any_audio

    def put(self, frame: AudioFrame) -> None:
        """Adds a decoded frame."""
        channels = frame.layout.nb_channels
        samples = frame.to_ndarray()
        samples = samples.T if frame.format.is_planar else samples.reshape(-1, channels)
        self._any_audio = True
        time_s = frame.time
        if time_s is not None and self._next_s is not None and time_s - self._next_s >= _LEAST_HOLE_S:
            # What a damaged container lost would shift all that follows.
            self._put_silence("missing_frames", time_s - self._next_s, frame.sample_rate, channels)
        self._add(_Piece(frame.sample_rate, frame.format.packed.name, gap=None, samples=samples), time_s)

    def put_damage(self, stream: AudioStream, duration: int | None) -> None:
        """Adds silence for a packet of `duration` in the stream's time base that could not be decoded."""
        self._any_damage = True
        context = stream.codec_context
        length_s = float(duration * stream.time_base) if duration and stream.time_base else 0.0
        self._put_silence("decode_error", length_s, context.sample_rate, max(1, context.layout.nb_channels))

    def take(self) -> list[Block]:
        """Returns all that was put since; frames of the same form are joined, for one alone is too small."""
        pieces, self._pieces, self.samples = self._pieces, [], 0
        return list(_blocks(pieces))

    def _put_silence(self, gap: GapReason, length_s: float, rate_hz: int, channels: int) -> None:
        filled_s = length_s if length_s <= _MOST_FILLED_S else 0.0
        silence = np.zeros((round(filled_s * rate_hz), channels), np.int16)
        self._add(_Piece(rate_hz, "s16", gap, silence), None)

    def _add(self, piece: _Piece, time_s: float | None) -> None:
        """Adds a piece that begins at `time_s`, or where the last one ends."""
        self._pieces.append(piece)
        self.samples += len(piece.samples)
        begin_s = self._next_s if time_s is None else time_s
        if begin_s is not None and piece.rate_hz:
            self._next_s = begin_s + len(piece.samples) / piece.rate_hz


def _blocks(pieces: list[_Piece]) -> Iterator[Block]:
    for form, group in groupby(pieces, key=lambda piece: (*piece[:3], piece.samples.shape[1])):
        rate_hz, kind, gap, _ = form
        yield Block(_canonical(np.concatenate([piece.samples for piece in group]), kind), rate_hz, gap)


def _canonical(samples: NDArray[Any], kind: str) -> Samples:
    match kind:
        case "s16":
            return samples
        case "u8":
            return u8_to_float(samples)
        case "s32":
            return s32_to_float(samples)
        case "s64":
            return samples.astype(np.float32) * np.float32(2.0**-63)
        case _:
            return bounded_float(samples)
