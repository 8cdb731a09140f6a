"""Recordings as the pieces that a live source would send, decoded before anything is measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.corpus import shuffled, speech
from bench.sound import samples
from josefine_cli.manifest import ReferenceClip
from josefine_client.pacing import PIECE_S
from josefine_wire import positions

LONGEST_S: Final = 30.0
"""A session has to end inside the time that is measured, or it tells nothing of ends."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording, ready to be sent."""

    clip: ReferenceClip
    pieces: tuple[bytes, ...]
    """linear16 at 16 kHz, `PIECE_S` each; the last may be shorter."""
    length_s: float

    def complete_at_s(self, piece: int) -> float:
        """Returns the second of audio at whose end a live source has the piece."""
        return min((piece + 1) * PIECE_S, self.length_s)


def spoken(clip: ReferenceClip) -> Spoken:
    """Returns the recording, its channels mixed."""
    heard = samples(clip.path)
    size = positions.samples(PIECE_S)
    pieces = tuple(heard[at : at + size].tobytes() for at in range(0, len(heard), size))
    return Spoken(clip, pieces, positions.seconds(len(heard)))


def all_spoken(folder: Path, longest_s: float = LONGEST_S) -> list[Spoken]:
    """Returns a folder's recordings with speech, but for long ones and those with words a channel, which need a
    session of several channels.
    """
    return [
        spoken(clip)
        for clip in speech(folder)
        if clip.duration_s <= longest_s and not clip.multichannel and any(clip.channel_texts)
    ]


def playlist(recordings: Sequence[Spoken], seed: int, stream: int) -> Iterator[Spoken]:
    """Yields what one stream speaks, without end: another order for each stream, the same for each run."""
    by_name = {each.clip.name: each for each in recordings}
    # Seeds of neighbouring streams and runs must not meet.
    return (by_name[clip.name] for clip in shuffled([each.clip for each in recordings], seed * 1_000_003 + stream))


def total_s(recordings: Sequence[Spoken]) -> float:
    """Returns the seconds of audio in all of them."""
    return sum(each.length_s for each in recordings)
