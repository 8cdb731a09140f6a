"""A channel's state in the store: what the log cannot tell, a few hundred bytes, no audio and no text.

The version is the offset of the first record that holds mel columns or voice-activity windows which are still
needed. Records are cut in time, columns and windows reach over their borders, and the lead-in of a segment lies
in an earlier record than its onset: so hearing the records from the version on hears some things twice, and the
state says from which window and which record on they count.
"""

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final

import msgpack

from josefine_inference.segmenter import Mark
from josefine_stage.errors import SnapshotUnreadableError
from josefine_wire.records import Gap, SessionConfig

FORMAT: Final = 1


class Life(Enum):
    """Whether a channel still listens."""

    OPEN = "open"
    ENDED = "ended"
    """Its end came: a later record is a producer's mistake."""
    REFUSED = "refused"
    """It was told why it cannot be served: later records are read and dropped."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What a channel needs to go on from a record."""

    sequence: int = 0
    """The next record's number."""
    hop: int = 0
    """The next record's first mel column."""
    window: int = 0
    """The next record's first voice-activity window."""
    mark: Mark = field(default_factory=Mark)
    """From where the windows count."""
    gaps: tuple[Gap, ...] = ()
    """Seen before the mark and not yet given to a segment."""
    gaps_until: int = 0
    """Gaps of records before this sequence number are in `gaps` or were given to a segment."""
    unreported: tuple[Gap, ...] = ()
    """Of segments that gave no transcript; the next one carries them."""
    config: SessionConfig | None = None
    """None before one has told."""
    life: Life = Life.OPEN


def tombstone(sequence: int, life: Life) -> ChannelState:
    """Returns what is kept of a channel that is over: enough to know a late record for what it is."""
    return ChannelState(sequence=sequence, life=life)


def encode(state: ChannelState) -> bytes:
    """Returns the state as msgpack."""
    packed = asdict(state) | {"format": FORMAT, "life": state.life.value}
    body: bytes = msgpack.packb(packed)
    return body


def decode(body: bytes) -> ChannelState:
    """Returns the state of msgpack bytes.

    Raises:
        SnapshotUnreadableError: not a state of this format.
    """
    try:
        packed: dict[str, Any] = msgpack.unpackb(body)
        if packed.pop("format") != FORMAT:
            raise SnapshotUnreadableError("another format of channel state")
        mark, life = Mark(**packed.pop("mark")), Life(packed.pop("life"))
        gaps, unreported = tuple(packed.pop("gaps")), tuple(packed.pop("unreported"))
        return ChannelState(**packed, mark=mark, life=life, gaps=gaps, unreported=unreported)
    except (ValueError, KeyError, TypeError, AttributeError, msgpack.UnpackException) as error:
        raise SnapshotUnreadableError(f"no channel state: {error}") from error
