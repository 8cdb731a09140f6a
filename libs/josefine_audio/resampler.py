"""Resampling to 16 kHz in blocks, so that each output sample is a function of its position and the input alone.

A resampler that streams carries its filter's state from call to call. This one cuts the input at fixed
positions, which lie on whole output samples, and resamples each block by itself with the input around it. So
the result does not depend on how the input arrived, and the state is a few input samples that can be stored.
"""

from math import gcd
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from josefine_audio.decoder import Samples
from josefine_audio.samples import to_float32, to_int16
from josefine_wire.positions import SAMPLE_RATE_HZ

_MARGIN_S: Final = 0.020
"""Input on either side of a block. soxr's HQ filter at 8 kHz has faded to -130 dB there; at higher rates sooner."""
_QUALITY: Final = "HQ"


class Resampler:
    """[samples, channels] at `rate_hz` -> int16 [samples, channels] at 16 kHz. 16 kHz passes untouched."""

    def __init__(self, rate_hz: int, channels: int, block_s: float) -> None:
        common = gcd(rate_hz, SAMPLE_RATE_HZ)
        self._in_step: Final = rate_hz // common
        self._out_step: Final = SAMPLE_RATE_HZ // common
        steps = max(1, int(block_s * rate_hz) // self._in_step)
        self._block_in: Final = steps * self._in_step
        self._block_out: Final = steps * self._out_step
        self._margin: Final = -(-int(_MARGIN_S * rate_hz) // self._in_step) * self._in_step
        self._rate_hz: Final = rate_hz
        self._input = np.zeros((0, channels), np.float32)
        """Input from `_start` on; what came after it stands in `_arrived`, up to `_fed`."""
        self._arrived: list[NDArray[np.float32]] = []
        self._start = 0
        self._fed = 0
        self._emitted = 0

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def held_samples(self) -> int:
        """16 kHz samples that lie inside the input and have not come out: their right margin is missing."""
        return self._outputs_of(self._fed) - self._emitted

    def push(self, samples: Samples) -> NDArray[np.int16]:
        """Returns the 16 kHz samples that are settled by this input."""
        if self._rate_hz == SAMPLE_RATE_HZ:
            self._fed += len(samples)
            self._emitted = self._fed
            return to_int16(samples)
        self._arrived.append(to_float32(samples))
        self._fed += len(samples)
        blocks = [self._nothing()]
        while (self._emitted // self._block_out + 1) * self._block_in + self._margin <= self._fed:
            blocks.append(self._block(self._outputs_of(self._fed)))
        return self._settled(blocks)

    def flush(self) -> NDArray[np.int16]:
        """Returns every sample that lies inside the input, as if silence followed. Input may still go on."""
        blocks = [self._nothing()]
        inside = self._outputs_of(self._fed)
        while self._emitted < inside:
            blocks.append(self._block(inside))
        return self._settled(blocks)

    def state(self) -> dict[str, Any]:
        """Returns what `restore` needs, in types that msgpack knows."""
        self._join()
        counters = {"start": self._start, "fed": self._fed, "emitted": self._emitted}
        return {"input": self._input.tobytes(), **counters}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a resampler with the same arguments."""
        channels = self._input.shape[1]
        self._input = np.frombuffer(state["input"], np.float32).reshape(-1, channels)
        self._start, self._fed, self._emitted = state["start"], state["fed"], state["emitted"]

    def _outputs_of(self, inputs: int) -> int:
        """Returns how many output samples lie before the end of so many input samples."""
        return -(-inputs * self._out_step // self._in_step)

    def _block(self, until: int) -> NDArray[np.int16]:
        """Returns the rest of the present block, but nothing from output `until` on."""
        self._join()
        index = self._emitted // self._block_out
        first = index * self._block_in
        begin, end = max(0, first - self._margin), first + self._block_in + self._margin
        window = self._input[begin - self._start : end - self._start]
        if len(window) < end - begin:
            window = np.pad(window, ((0, end - begin - len(window)), (0, 0)))
        resampled = soxr.resample(window, self._rate_hz, SAMPLE_RATE_HZ, _QUALITY)
        # Output sample k of the window lies at input k * in_step / out_step: a whole number at the block's begin.
        origin = index * self._block_out - (first - begin) // self._in_step * self._out_step
        stop = min(until, (index + 1) * self._block_out)
        block = to_int16(resampled[self._emitted - origin : stop - origin])
        self._emitted = stop
        return block

    def _join(self) -> None:
        if self._arrived:
            self._input = np.concatenate([self._input, *self._arrived])
            self._arrived.clear()

    def _settled(self, blocks: list[NDArray[np.int16]]) -> NDArray[np.int16]:
        """Returns the blocks joined and drops the input that no later block needs."""
        first = self._emitted // self._block_out * self._block_in - self._margin
        if len(blocks) > 1 and first > self._start:
            self._input = self._input[first - self._start :].copy()
            self._start = first
        return np.concatenate(blocks) if len(blocks) > 1 else blocks[0]

    def _nothing(self) -> NDArray[np.int16]:
        return np.zeros((0, self._input.shape[1]), np.int16)
