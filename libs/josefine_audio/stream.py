"""One session's audio from bytes to frames, with the gaps between."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from josefine_audio.decoder import Block, Decoder, GapReason
from josefine_audio.errors import UnsupportedAudioError
from josefine_audio.framer import Cut
from josefine_audio.raw import RawDecoder
from josefine_audio.track import Track
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import Gap

MAX_CHANNELS: Final = 8
"""Most channels that are kept apart: 7.1."""


class Frame(NamedTuple):
    """A frame of all channels."""

    start_sample: int
    samples: NDArray[np.int16]
    """[samples, channels] at 16 kHz."""
    gaps: list[Gap]
    """Gaps that begin in this frame."""

    @property
    def end_sample(self) -> int:
        return self.start_sample + len(self.samples)


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How a session's audio is cut."""

    frame_samples: int
    """Length of a frame in 16 kHz samples."""
    multichannel: bool
    """False: all channels are mixed to one."""
    sample_rate_hz: int = 0
    """Rate of the source, 0 where the bytes tell it."""
    channels: int = 0
    """Channels of the source, 0 where the bytes tell them."""


class AudioStream:
    """Bytes in, frames of 16 kHz out. One thread. Where the bytes are cut does not matter."""

    def __init__(self, decoder: Decoder, options: StreamOptions) -> None:
        self._decoder: Final = decoder
        self._options: Final = options
        self._gaps: list[Gap] = []
        self._silence_due = 0
        known = options.sample_rate_hz > 0 and options.channels > 0
        self._track = self._open_track(options.sample_rate_hz, options.channels) if known else None

    @property
    def channels(self) -> int:
        """Channels that come out; 1 until the bytes have told."""
        return self._track.channels if self._track is not None else 1

    @property
    def pending(self) -> bool:
        """Whether `step` has something to do."""
        return self._silence_due > 0 or not self._decoder.starved

    @property
    def position(self) -> int:
        """End of what has been decoded, in 16 kHz samples."""
        return self._track.position if self._track is not None else 0

    @property
    def fed_position(self) -> int:
        """End of what has been fed, as far as that is known before decoding."""
        if self._track is None:
            return 0
        undecoded = self._silence_due + self._decoder.pending_samples
        return self.position + undecoded * SAMPLE_RATE_HZ // self._track.rate_hz

    def feed(self, payload: bytes) -> None:
        """Stores bytes. Raises AudioError where the first ones are no audio or too many must be kept."""
        self._decoder.feed(payload)

    def finish(self) -> None:
        """Says that no more bytes come. Raises as `feed` does."""
        self._decoder.finish()

    def mark_gap(self, reason: GapReason, silence_s: float = 0.0) -> None:
        """Marks what is lost between the bytes that were fed and those to come; puts silence where it was."""
        if isinstance(self._decoder, RawDecoder):
            self._decoder.drop_carry()
        rate_hz = self._track.rate_hz if self._track is not None else 0
        silence = round(silence_s * rate_hz)
        self._add_gap(reason, silence, rate_hz)
        self._silence_due += silence

    def step(self, max_samples: int) -> list[Frame]:
        """Decodes about `max_samples` (of the source's rate, per channel) and returns the frames that are full.

        Raises:
            AudioError: nothing more can be decoded; `position` and earlier frames stand, `flush` gives the rest.
        """
        cuts: list[Cut] = []
        if self._silence_due and self._track is not None:
            samples = min(self._silence_due, max_samples)
            self._silence_due -= samples
            cuts = self._track.silence(samples)
        else:
            for block in self._decoder.decode(max_samples):
                cuts += self._take(block)
        return [self._frame(cut) for cut in cuts]

    def flush(self) -> list[Frame]:
        """Returns everything up to `position`; the last frame is shorter, perhaps empty. More may follow."""
        nothing = Cut(0, np.zeros((0, self.channels), np.int16))
        cuts = self._track.flush() if self._track is not None else [nothing]
        frames = [self._frame(cut) for cut in cuts]
        frames[-1].gaps.extend(self._gaps)  # those that begin where it ends, too
        self._gaps = []
        return frames

    def close(self) -> None:
        """Frees the decoder."""
        self._decoder.close()

    def state(self) -> dict[str, Any]:
        """Returns what `restore` needs, in types that msgpack knows.

        Raises:
            TypeError: the decoder's state cannot be stored (all but raw encodings).
        """
        if not isinstance(self._decoder, RawDecoder) or self._track is None:
            raise TypeError("only a raw encoding's state can be stored")
        return {"carry": self._decoder.carry, "track": self._track.state(), "gaps": list(self._gaps)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state of a stream with the same options. Raises as `state` does."""
        if self._track is None:
            raise TypeError("only a raw encoding's state can be stored")
        self._decoder.feed(state["carry"])
        self._track.restore(state["track"])
        self._gaps = list(state["gaps"])

    def _open_track(self, rate_hz: int, channels: int) -> Track:
        if self._options.multichannel and channels > MAX_CHANNELS:
            raise UnsupportedAudioError(f"{channels} channels: at most {MAX_CHANNELS} can be kept apart")
        return Track(rate_hz, channels if self._options.multichannel else 1, self._options.frame_samples)

    def _take(self, block: Block) -> list[Cut]:
        if block.gap is not None:
            self._add_gap(block.gap, len(block.samples), block.sample_rate_hz)
        if block.sample_rate_hz == 0 or len(block.samples) == 0:
            return []
        if self._track is None:
            self._track = self._open_track(block.sample_rate_hz, block.samples.shape[1])
        return self._track.push(block.samples, block.sample_rate_hz)

    def _add_gap(self, reason: GapReason, samples: int, rate_hz: int) -> None:
        """Adds a gap of so many source samples at `position`; one that goes on from the last makes it longer."""
        start, length = self.position, samples * SAMPLE_RATE_HZ // rate_hz if rate_hz else 0
        if self._gaps and self._gaps[-1]["reason"] == reason:
            last = self._gaps[-1]
            if last["start_sample"] + last["samples"] == start and bool(last["samples"]) == bool(length):
                last["samples"] += length
                return
        self._gaps.append(Gap(start_sample=start, samples=length, reason=reason))

    def _frame(self, cut: Cut) -> Frame:
        """Returns the cut with the gaps that begin in it."""
        if not self._gaps:
            return Frame(cut.start_sample, cut.samples, [])
        begun = sum(gap["start_sample"] < cut.end_sample for gap in self._gaps)
        gaps, self._gaps = self._gaps[:begun], self._gaps[begun:]
        return Frame(cut.start_sample, cut.samples, gaps)
