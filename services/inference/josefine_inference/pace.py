"""How fast the devices decode, as it is measured while they work, and what follows from it. Pure.

A CPU decodes some sixty seconds of speech in a second and an accelerator thousands: how much may stand before a final,
and how many live streams are too many, are questions of time and have no answer in seconds of audio.
"""

from collections.abc import Sequence
from typing import Final

from josefine_inference.port import DeviceStatus

HOPS_PER_S: Final = 100
FIRST_GUESS_HOPS_PER_S: Final = 3_000.0
"""Until something was measured: thirty times real time, a slow CPU."""
MEMORY_S: Final = 10.0
"""Busy time over which the pace is averaged: some hundred batches."""
AHEAD_OF_FINAL_S: Final = 0.2
"""A batch that is not of live finals takes no longer than this while there are live sessions: one that comes next waits
for it."""
LEAST_AHEAD_HOPS: Final = 500
STRETCH_S: Final = 0.5
"""Interims get rarer by their own interval for each such time that the queue holds."""
FINALS_SHARE: Final = 0.33
"""Of the devices' time that finals of live sessions may take. With more they wait: docs/performance.md."""
LEAST_BUSY_S: Final = 2.0
"""Measured before anybody is refused on the ground of it."""


class Pace:
    """The devices' pace. Called from one thread."""

    def __init__(self) -> None:
        self._hops_per_s: dict[int, float] = {}
        """By the device's place in the list: two may have one name."""
        self._seen: dict[int, tuple[float, float]] = {}
        self._busy_s = 0.0

    def look(self, devices: Sequence[DeviceStatus]) -> None:
        """Takes what the devices, in an order that stays, have done since they were looked at last."""
        for place, line in enumerate(devices):
            audio_s, busy_s = self._seen.get(place, (0.0, 0.0))
            self._seen[place] = (line.audio_s, line.busy_s)
            new_busy_s = line.busy_s - busy_s
            if new_busy_s <= 0:
                continue
            self._busy_s += new_busy_s
            pace = HOPS_PER_S * (line.audio_s - audio_s) / new_busy_s
            before = self._hops_per_s.get(place, FIRST_GUESS_HOPS_PER_S)
            # The plain mean until there is so much to remember: nothing of the guess is left by the first measurement.
            weight = min(max(new_busy_s / MEMORY_S, new_busy_s / line.busy_s), 1.0)
            self._hops_per_s[place] = before + weight * (pace - before)

    @property
    def hops_per_s(self) -> float:
        """Hops that all devices together decode in a second."""
        return sum(self._hops_per_s.values()) or FIRST_GUESS_HOPS_PER_S

    def ahead_of_final_hops(self) -> int:
        """Returns the most hops in a batch that a live final may have to wait for."""
        slowest = min(self._hops_per_s.values(), default=FIRST_GUESS_HOPS_PER_S)
        return max(LEAST_AHEAD_HOPS, round(slowest * AHEAD_OF_FINAL_S))

    def interim_stretch(self, queued_hops: int) -> int:
        """Returns by what factor interims are to be rarer while so much is queued."""
        return 1 + int(queued_hops / (self.hops_per_s * STRETCH_S))

    def stream_capacity(self) -> int:
        """Returns how many live streams the devices serve in time; 0 while it is not known."""
        if self._busy_s < LEAST_BUSY_S:
            return 0
        return max(1, int(FINALS_SHARE * self.hops_per_s / HOPS_PER_S))
