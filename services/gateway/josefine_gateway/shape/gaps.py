"""When a gap between words is long enough to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from josefine_gateway.shape.written import Written
from josefine_wire.positions import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Gap:
    """The silence after the last finalized word of one channel, by the clock of the audio."""

    gap_ms: int
    """Length that is told (utterance_end_ms)."""
    last_word_end_sample: int | None = None
    """None: nothing was said since the last UtteranceEnd."""

    def heard_words(self, words: Sequence[Written]) -> Self:
        """Returns the gap after the words of a final."""
        return type(self)(self.gap_ms, words[-1].end_sample) if words else self

    def told(self) -> Self:
        """Returns the gap after its UtteranceEnd."""
        return type(self)(self.gap_ms)

    def due(self, heard_sample: int) -> int | None:
        """Returns the end of the last word, if an UtteranceEnd is due where the audio is heard up to `heard_sample`.

        Where words are under way (an interim is open), the caller gives the beginning of these.
        """
        end = self.last_word_end_sample
        return end if end is not None and self.lasts(end, heard_sample) else None

    def lasts(self, from_sample: int, to_sample: int) -> bool:
        """Whether such a stretch is long enough."""
        return (to_sample - from_sample) * 1000 >= self.gap_ms * SAMPLE_RATE_HZ
