"""What becomes of an input: its outputs are written, its dead letter is, and it is closed in the books."""

from typing import Any

import structlog

from josefine_stage.books import Books
from josefine_stage.handler import Progress, Rejection
from josefine_stage.outbox import Outbox
from josefine_wire.codec import WireError

log = structlog.get_logger()


class Settlement:
    """Settles inputs between the books and the open unit of work. Called from the loop's thread."""

    def __init__(self, books: Books, outbox: Outbox) -> None:
        self._books = books
        self._outbox = outbox

    def finish(self, progress: Progress[Any]) -> None:
        """Takes what an input caused, or lets it wait where a commit could not name the input (position.py)."""
        entry = progress.input
        if entry not in self._books:
            return
        partition = self._books.partitions[entry.source]
        too_many = _writes(progress) and not partition.may_write(entry.offset)
        if too_many or partition.holds_back(entry):
            partition.waiting.append(progress)
        else:
            self._settle(progress)

    def settle_waiting(self) -> None:
        """Settles what waited and can be named now."""
        for partition in self._books.partitions.values():
            for progress in partition.release():
                self._settle(progress)

    def _settle(self, progress: Progress[Any]) -> None:
        """Writes what an input caused and, when it is done, closes it: after its dead letter is written."""
        entry = progress.input
        if _writes(progress):
            try:
                self._outbox.write(progress.outputs)
            except WireError as error:
                log.exception("output_unwritable", partition=entry.source.partition, offset=entry.offset)
                progress = Progress(entry, rejection=Rejection("unwritable", str(error)))
            self._books.wrote(entry)
        if not progress.done:
            return
        if progress.rejection and not entry.committed:
            raw = self._books.raw(entry)
            self._outbox.bury(raw, entry.key, progress.rejection, entry.record.get("session_id"))
        self._books.finish(entry)


def _writes(progress: Progress[Any]) -> bool:
    """Whether something is to be written for an input that is not durable yet."""
    return not progress.input.committed and bool(progress.outputs or progress.rejection)
