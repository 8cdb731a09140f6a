"""When each byte of a recording is due, if it is to arrive as if it were spoken now. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

PIECE_S: Final = 0.2
"""Audio in one record of a live session: what a browser or a telephone gateway sends, rounded up."""


class Piece(NamedTuple):
    """Bytes to send at once."""

    payload: bytes
    audio_s: float
    """Seconds of audio from session start that are complete with these bytes: a live source has them no earlier."""


class Mark(NamedTuple):
    """The bytes before `byte` hold the audio before `second`."""

    byte: int
    second: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where a recording may be cut, in order of bytes and of time; the last mark is its end."""

    marks: tuple[Mark, ...]

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.marks[-1].second

    def cuts(self, piece_s: float = PIECE_S) -> Iterator[Mark]:
        """Yields the ends of pieces of at least `piece_s` (the last may be shorter)."""
        before_s = 0.0
        for mark in self.marks[:-1]:
            # Marks come from sums of floats: 0.2 s less a rounding error is 0.2 s.
            if mark.second - before_s >= piece_s - 1e-6:
                yield mark
                before_s = mark.second
        yield self.marks[-1]


def of_samples(total_bytes: int, bytes_per_second: int, block_bytes: int) -> Timeline:
    """Returns the timeline of raw samples, cut every 10 ms at whole samples of all channels."""
    step = max(bytes_per_second // 100 // block_bytes, 1) * block_bytes
    inner = [Mark(at, at / bytes_per_second) for at in range(step, total_bytes, step)]
    return Timeline((*inner, Mark(total_bytes, total_bytes / bytes_per_second)))


def of_packets(packets: Iterable[Mark], total_bytes: int, duration_s: float) -> Timeline:
    """Returns the timeline of a container from where its packets begin, in bytes and seconds.

    Packets that share a page, or go back in the file or in time, are no place to cut.
    """
    marks: list[Mark] = []
    last = Mark(0, 0.0)
    for packet in packets:
        if packet.byte > last.byte and last.second < packet.second < duration_s and packet.byte < total_bytes:
            marks.append(packet)
            last = packet
    return Timeline((*marks, Mark(total_bytes, duration_s)))


def proportional(total_bytes: int, duration_s: float) -> Timeline:
    """Returns the timeline of bytes that tell no time: as if all seconds had the same size. Steps of 10 ms."""
    steps = max(min(int(duration_s * 100), total_bytes), 1)
    cuts = [Mark(total_bytes * step // steps, duration_s * step / steps) for step in range(1, steps)]
    return Timeline((*cuts, Mark(total_bytes, duration_s)))


def pieces_in_time(file: BinaryIO, timeline: Timeline, piece_s: float = PIECE_S) -> Iterator[Piece]:
    """Yields the file's bytes in pieces with the time at which each is complete.

    Raises:
        OSError: the file cannot be read.
    """
    at = 0
    for cut in timeline.cuts(piece_s):
        payload = file.read(cut.byte - at)
        at = cut.byte
        yield Piece(payload, cut.second)


def pieces_in_bytes(file: BinaryIO, chunk_bytes: int) -> Iterator[Piece]:
    """Yields the file's bytes in pieces of equal size, without times.

    Raises:
        OSError: the file cannot be read.
    """
    while payload := file.read(chunk_bytes):
        yield Piece(payload, 0.0)
