"""What the children of a device have done, counted."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Of one device, its spare children too. Belongs to the process: a restart of the service begins at 0."""

    restarts: int = 0
    """Children that were lost."""
    batches: int = 0
    hops: int = 0
    busy_s: float = 0.0

    def decoded(self, hops: int, seconds: float) -> None:
        """Counts a batch."""
        self.batches += 1
        self.hops += hops
        self.busy_s += seconds
