"""Whether recordings wait for others, to be worked on side by side. Pure."""

from collections.abc import Sequence
from typing import Final

from josefine_feature.channel import Channel

LONGEST_S: Final = 0.1
"""How long the first of them waits. When a device has decoded a batch of recordings, so many sessions end, and others
begin within this time."""
ENOUGH_CHANNELS: Final = 16
"""Voice activity of a second of audio takes 1.3 ms of CPU time for one channel, a tenth of it among eight."""


class Company:
    """What waits for company. One thread."""

    def __init__(self, enough_bytes: int) -> None:
        """enough_bytes: Frames that are worked on at once in any case."""
        self._enough_bytes: Final = enough_bytes
        self._since_s: float | None = None

    def awaited(self, waiting: Sequence[Channel], now_s: float) -> bool:
        """Whether the channels with frames should wait for more of them; never for long, and for nobody who waits."""
        since_s = now_s if self._since_s is None else self._since_s
        enough = len(waiting) >= ENOUGH_CHANNELS or sum(each.queued_bytes for each in waiting) >= self._enough_bytes
        waits = bool(waiting) and not enough and now_s - since_s < LONGEST_S
        awaited = waits and all(each.patient for each in waiting)
        self._since_s = since_s if awaited else None
        return awaited
