"""One assigned partition of the input topic, as the runtime holds it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from josefine_stage.handler import Input, Progress, Source
from josefine_stage.ledger import Ledger
from josefine_stage.ports import Position
from josefine_stage.position import MAX_DONE, Resume, pack, unpack


@dataclass(slots=True)
class Partition:
    """Books and bearings of a partition between assignment and revocation."""

    source: Source
    ledger: Ledger
    committed: Position | None
    """What the broker has, as far as we know."""
    read_from: int = 0
    """Offset since which this process has read without a break: a session that began later is in memory."""
    waiting: list[Progress[Any]] = field(default_factory=list)
    """Reported out of order when no more inputs could be named in a commit."""
    replay_from: int = 0
    taken_up_at: int = 0
    """Offset of the commit it was taken up with; what was read before is read again as far as sessions need it."""

    @classmethod
    def taken_up(cls, source: Source, committed: Position | None) -> "Partition":
        """Returns the partition as its last owner committed it."""
        resume = _resume(committed)
        ledger = Ledger(committed.offset if committed else 0, resume.done if resume else ())
        start = resume.replay_from if resume else ledger.committed
        return cls(source, ledger, committed, read_from=start, replay_from=start, taken_up_at=ledger.committed)

    def may_write(self, offset: int) -> bool:
        """Whether outputs of the record may be written now: a commit can name it, or does not have to."""
        return self.ledger.may_write or self.ledger.is_first_open(offset)

    def holds_back(self, entry: Input[Any]) -> bool:
        """Whether something of the session waits already that the record's outputs must not overtake."""
        if not self.waiting:
            return False
        return any(waits.input.key == entry.key and waits.input.offset <= entry.offset for waits in self.waiting)

    def release(self) -> Iterator[Progress[Any]]:
        """Yields what waited and may be written now, in the order of the log; each has to be settled at once."""
        waiting, self.waiting = sorted(self.waiting, key=lambda progress: progress.input.offset), []
        for progress in waiting:
            if self.may_write(progress.input.offset):
                yield progress
            else:
                self.waiting.append(progress)

    def reopened(self) -> "Partition":
        """Returns the partition as at its last commit, with what was learnt since."""
        fresh = Partition.taken_up(self.source, self.committed)
        # The partition was read from further back than the last commit says; until the next says so too, that holds.
        fresh.replay_from = min(fresh.replay_from, self.replay_from)
        return fresh

    def position(self, replay_from: int) -> Position:
        """Returns what may be committed now."""
        offset = self.ledger.advance()
        done = self.ledger.beyond(offset)[:MAX_DONE]
        return Position(offset, pack(offset, min(replay_from, offset), done))


def _resume(committed: Position | None) -> Resume | None:
    return unpack(committed.offset, committed.metadata) if committed else None
