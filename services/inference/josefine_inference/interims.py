"""When the open segment of a channel is heard again, and what its hypotheses agree on. In the process only."""

import zlib
from typing import Final

from josefine_inference.agreement import Agreement

FIRST_HOPS: Final = 100
"""Shorter audio makes the model guess."""


class Interims:
    """The interims of one open segment."""

    def __init__(self, key: str, segment: int, start_hop: int) -> None:
        self.segment = segment
        self.start_hop = start_hop
        self.agreement = Agreement()
        self.in_flight = False
        """Given to the device and not yet answered."""
        self.given_up = False
        """Whether the device could not decode one: the next ones hold the same audio."""
        self._key_hash = zlib.crc32(key.encode())
        self._last_hops = 0

    def due(self, heard_hop: int, interval_hops: int) -> bool:
        """Returns whether to decode again; the first time differs between channels that began together."""
        if self.given_up:
            return False
        heard_hops = heard_hop - self.start_hop
        if self._last_hops:
            return not self.in_flight and heard_hops - self._last_hops >= interval_hops
        return heard_hops >= FIRST_HOPS + self._key_hash % interval_hops

    def asked(self, heard_hop: int) -> None:
        """Notes that the audio up to `heard_hop` is to be decoded."""
        self._last_hops = heard_hop - self.start_hop
