"""What is committed with an offset: where a restart begins to read, and which later inputs are done already.

A stage may finish a later record before an earlier one (a short utterance before a long recording). Its outputs
are written at once; the offset cannot pass the earlier record. So that a restart does not write them again, the
offsets of these later, finished records stand in the commit's metadata, in the same transaction as the outputs.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

VERSION: Final = "1"
MAX_DONE: Final = 500
"""Most finished offsets beyond the committed one: at 5 bytes a varint and 4/3 for base64 they stay under the
4096 bytes that a broker allows (offset.metadata.max.bytes)."""


@dataclass(frozen=True, slots=True)
class Resume:
    """How a partition is taken up."""

    replay_from: int
    """Offset to read from: the oldest record that an open session still needs."""
    done: frozenset[int]
    """Offsets at or beyond the committed one whose outputs are durable."""


def pack(committed: int, replay_from: int, done: Sequence[int]) -> str:
    """Returns the metadata of a commit; `done` is ascending and has at most MAX_DONE offsets."""
    deltas = bytearray()
    previous = committed
    for offset in done:
        deltas += _varint(offset - previous)
        previous = offset
    return f"{VERSION};{committed - replay_from};{base64.b64encode(deltas).decode()}"


def unpack(committed: int, metadata: str | None) -> Resume | None:
    """Returns what pack() was given; None where the broker kept no metadata or it is not ours."""
    parts = (metadata or "").split(";")
    if len(parts) != 3 or parts[0] != VERSION or not parts[1].isdecimal():
        return None
    try:
        deltas = base64.b64decode(parts[2], validate=True)
    except binascii.Error:
        return None
    done, offset = set(), committed
    for delta in _varints(deltas):
        offset += delta
        done.add(offset)
    return Resume(committed - int(parts[1]), frozenset(done))


def _varint(number: int) -> bytes:
    """Returns LEB128 of a number >= 0."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varints(packed: bytes) -> Iterable[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
