"""What feature remembers of a session, and how it is written to a snapshot."""

from typing import Any, Final, NamedTuple

import msgpack

from josefine_speech.features import SILENT, Stream
from josefine_stage.errors import SnapshotUnreadableError

FORMAT: Final = 3


class Session(NamedTuple):
    """One channel between two records. A value: what changes it returns another."""

    next_sequence: int = 0
    """The number of the frame to come; those before it have been worked on."""
    closed: str = ""
    """Code by which every further frame is rejected (after_end, unknown_session); empty: open."""
    stream: Stream = Stream()


def pack(session: Session) -> bytes:
    """Returns the state as msgpack: at most 2.3 kB, and 20 bytes for a session that is closed."""
    if session.closed:
        return _packed([FORMAT, session.next_sequence, session.closed])
    position, tail, voice = session.stream
    return _packed([FORMAT, session.next_sequence, position, tail, voice])


def unpack(state: bytes) -> Session:
    """Returns what pack() was given; a closed session without its stream.

    Raises:
        SnapshotUnreadableError: not a state of this format.
    """
    match _unpacked(state):
        case [int(version), int(next_sequence), str(closed)] if version == FORMAT:
            return Session(next_sequence, closed)
        case [int(version), int(next_sequence), int(position), bytes(tail), bytes(voice)] if _fits(version, voice):
            return Session(next_sequence, "", Stream(position, tail, voice))
    raise SnapshotUnreadableError(f"snapshot of {len(state)} bytes: not format {FORMAT} of feature")


def _fits(version: int, voice: bytes) -> bool:
    return version == FORMAT and len(voice) == len(SILENT)


def _packed(fields: list[Any]) -> bytes:
    packed: bytes = msgpack.packb(fields)
    return packed


def _unpacked(state: bytes) -> Any:
    try:
        return msgpack.unpackb(state)
    except (ValueError, msgpack.UnpackException) as error:
        raise SnapshotUnreadableError(f"snapshot of {len(state)} bytes: not msgpack") from error
