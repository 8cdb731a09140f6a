"""Finding the record that makes a handler raise: batches are halved in effect by replaying one record at a time."""

from josefine_stage.handler import Source

STRIKES = 2
"""A record that raises alone this many times is poison, not bad luck."""


class Suspects:
    """Records that were in a batch whose handling raised."""

    def __init__(self) -> None:
        self._until: dict[Source, int] = {}
        self._strikes: dict[tuple[Source, int], int] = {}
        self._reasons: dict[tuple[Source, int], str] = {}

    def suspect(self, source: Source, through_offset: int) -> None:
        """From now on the partition's records up to `through_offset` are handled one at a time."""
        self._until[source] = max(through_offset, self._until.get(source, -1))

    def alone(self, source: Source, offset: int) -> bool:
        """Whether the record has to be handled alone."""
        if offset > self._until.get(source, -1):
            self._until.pop(source, None)
            return False
        return True

    def strike(self, source: Source, offset: int, reason: str) -> None:
        """Notes that the record raised when it was alone."""
        self._strikes[source, offset] = self._strikes.get((source, offset), 0) + 1
        self._reasons[source, offset] = reason

    def condemned(self, source: Source, offset: int) -> str | None:
        """Returns why the record is not to be handled any more, or None."""
        if self._strikes.get((source, offset), 0) < STRIKES:
            return None
        return self._reasons[source, offset]

    def forget(self, source: Source) -> None:
        """Drops what is known of a partition that is no longer ours."""
        self._until.pop(source, None)
        for key in [key for key in self._strikes if key[0] == source]:
            del self._strikes[key], self._reasons[key]
