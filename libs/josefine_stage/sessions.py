"""Which sessions this process holds, and from where in the log each could be rebuilt. Pure."""

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from josefine_stage.handler import Source


@dataclass(slots=True)
class Session:
    """What the runtime knows of a session; its state is the handler's."""

    source: Source
    base: int
    """Offset from which the session was begun or restored; records below it are part of its state already."""
    versions: list[int] = field(default_factory=list)
    """Stored snapshots that are needed, ascending."""
    snapshot_at_s: float = 0.0
    """When the last snapshot was taken, monotonic."""
    touched: bool = True
    """Whether records or results have come since."""
    over: bool = False
    """Whether the newest stored snapshot says that the session has ended."""
    heard_since: bool = False
    """Whether the handler has got a record of it since. What ended may begin with it: a chunk that came before a
    session's first one leaves a session that is over.
    """

    def rebuildable_from(self, committed: int) -> int:
        """Returns the offset to replay from when `committed` is the commit: a newer snapshot does not count."""
        index = bisect.bisect_right(self.versions, committed)
        return self.versions[index - 1] if index else self.base

    def needed_with(self, version: int, committed: int) -> list[int]:
        """Returns the versions that are needed, ascending, once `version` is stored and `committed` is the commit."""
        versions = sorted({*self.versions, version})
        newest_committed = bisect.bisect_right(versions, committed) - 1
        return versions[max(newest_committed, 0) :]

    @property
    def ended(self) -> bool:
        """Whether nothing is left of it but its stored end, which the commit has passed."""
        return self.over and not (self.heard_since or self.touched)

    def heard(self) -> None:
        """Notes that the handler has got a record."""
        self.touched = self.heard_since = True

    def stored(self, needed: list[int], *, over: bool) -> None:
        """Notes that the newest of the versions that are needed is stored, and the older ones that are not are gone."""
        self.versions, self.over, self.heard_since, self.touched = needed, over, False, False


class SessionTable:
    """The sessions of all assigned partitions."""

    def __init__(self) -> None:
        self._by_key: dict[str, Session] = {}
        self._by_source: dict[Source, set[str]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def __getitem__(self, key: str) -> Session:
        return self._by_key[key]

    def __len__(self) -> int:
        return len(self._by_key)

    def items(self) -> Iterator[tuple[str, Session]]:
        return iter(list(self._by_key.items()))

    def open(self, key: str, session: Session) -> None:
        """Adds a session."""
        self._by_key[key] = session
        self._by_source.setdefault(session.source, set()).add(key)

    def heard(self, *keys: str) -> None:
        """Notes that the handler has got records of the sessions among the keys."""
        for key in keys:
            if key in self._by_key:
                self._by_key[key].heard()

    def touch(self, *keys: str) -> None:
        """Notes that the sessions among the keys have changed since their last snapshot."""
        for key in keys:
            if key in self._by_key:
                self._by_key[key].touched = True

    def drop(self, keys: Iterable[str]) -> None:
        """Removes sessions."""
        for key in keys:
            session = self._by_key.pop(key)
            self._by_source[session.source].discard(key)

    def of(self, source: Source) -> list[str]:
        """Returns the keys of a partition's sessions."""
        return list(self._by_source.get(source, ()))

    def replay_from(self, source: Source, committed: int) -> int:
        """Returns the oldest offset that a restart at `committed` has to read."""
        needed = (self._by_key[key].rebuildable_from(committed) for key in self._by_source.get(source, ()))
        return min(needed, default=committed)
