"""Recordings on disk: what can be read, how long they are, and where their bytes stand in time. PyAV demuxes."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
from av.error import FFmpegError

from josefine_client.chunks import CHUNK_BYTES, Session
from josefine_client.pacing import Mark, Piece, Timeline, of_packets, of_samples, pieces_in_bytes, pieces_in_time
from josefine_client.pacing import proportional as proportional_timeline
from josefine_client.player import Recording
from josefine_wire.records import SessionConfig

MICROSECONDS: Final = 1_000_000
"""Unit of a container's duration (AV_TIME_BASE)."""


class UnreadableFileError(Exception):
    """A file that cannot be sent. `reason` is a few readable words."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def check_readable(path: Path) -> None:
    """Returns where the bytes of the file can be sent. Whether they are audio is for the engine to say.

    Raises:
        UnreadableFileError: no such file, a folder, empty, or not allowed to be read.
    """
    try:
        if path.is_dir():
            raise UnreadableFileError(path, "is a folder, not a recording")
        with path.open("rb") as file:
            if not file.read(1):
                raise UnreadableFileError(path, "is empty")
    except OSError as error:
        raise UnreadableFileError(path, _said(error)) from error


def duration_s(path: Path) -> float | None:
    """Returns how long a container says it is, or None where it does not say."""
    try:
        with av.open(str(path)) as container:
            return container.duration / MICROSECONDS if container.duration else None
    except (FFmpegError, OSError):
        return None


def container_timeline(path: Path) -> Timeline | None:
    """Returns where the packets of the first audio stream stand, or None where the file is no container."""
    size = path.stat().st_size
    try:
        packets, end_s = _packets(path)
    except (FFmpegError, OSError, IndexError):
        return None
    if end_s <= 0 or size == 0:
        return None
    timeline = of_packets(packets, size, end_s)
    return timeline if len(timeline.marks) > 1 else proportional_timeline(size, end_s)


def timeline(path: Path, session: Session) -> Timeline | None:
    """Returns when each byte of the file is due, or None where that cannot be told."""
    size = path.stat().st_size
    if session.bytes_per_second:
        return of_samples(size, session.bytes_per_second, session.block_bytes) if size else None
    return container_timeline(path)


def recording(
    path: Path, config: SessionConfig, speed: float | None, *, delay_s: float = 0.0, session_id: str | None = None
) -> Recording:
    """Returns a container as a session of its own: paced at `speed`, or in large pieces at once where it is None.

    Nothing is read before the session is played.
    """
    session = Session(session_id or uuid.uuid4().hex, config)
    if speed is None:
        return Recording(session, whole_pieces(path), delay_s=delay_s)
    return Recording(session, paced_pieces(path, session), speed, delay_s)


def paced_pieces(path: Path, session: Session) -> Iterator[Piece]:
    """Yields a file's bytes in small pieces with their times; without times where they cannot be told."""
    times = timeline(path, session)
    with path.open("rb") as file:
        if times is None:
            yield from pieces_in_bytes(file, CHUNK_BYTES)
        else:
            yield from pieces_in_time(file, times)


def whole_pieces(path: Path) -> Iterator[Piece]:
    """Yields a file's bytes in large pieces, without times."""
    with path.open("rb") as file:
        yield from pieces_in_bytes(file, CHUNK_BYTES)


def _packets(path: Path) -> tuple[list[Mark], float]:
    """Returns where packets begin, and where the last one ends, in seconds."""
    found: list[Mark] = []
    end_s = 0.0
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.audio[0]):
            if packet.size and packet.pts is not None:
                start_s = float(packet.pts * packet.time_base)
                end_s = max(end_s, start_s + float((packet.duration or 0) * packet.time_base))
                if packet.pos is not None:
                    found.append(Mark(packet.pos, start_s))
    return found, end_s


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
