"""Records that could not be processed, kept whole with the reason, and the limit on how many may fail."""

from collections import OrderedDict

from josefine_stage.errors import TooManyDeadLettersError
from josefine_stage.handler import Rejection
from josefine_stage.ports import RawRecord
from josefine_wire import ids
from josefine_wire.records import DeadLetter
from josefine_wire.topics import MAX_RECORD_BYTES

WINDOW_S = 60.0
MOST_HELD_BYTES = MAX_RECORD_BYTES - 64 * 1024
"""Of a record's own bytes: the rest of the letter takes less than what is left."""


def dead_letter(
    stage: str, raw: RawRecord, rejection: Rejection, session_id: str | None, failed_at_ms: int
) -> DeadLetter:
    """Returns the record for dead.letters.

    One that no letter holds (a compressed record may be larger than its topic allows) is named alone: its topic has it.
    """
    reason, key, value, headers = rejection.reason, raw.key, raw.value, dict(raw.headers)
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(held) for name, held in headers.items())
    if size + len(key or b"") > MOST_HELD_BYTES:  # the letter has the record's key, too
        reason = f"{reason} (its {size} bytes are more than a letter holds: left out)"
        key, value, headers = None, None, {}
    return DeadLetter(
        id=ids.dead_letter_id(stage, raw.source.topic, raw.source.partition, raw.offset),
        stage=stage,
        topic=raw.source.topic,
        partition=raw.source.partition,
        offset=raw.offset,
        key=key,
        value=value,
        headers=headers,
        session_id=session_id,
        code=rejection.code,
        reason=reason,
        failed_at=failed_at_ms,
    )


class FailureLimit:
    """Counts failing sessions, not records: one broken recording of a thousand chunks is one failure."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._last_seen: OrderedDict[bytes, float] = OrderedDict()

    def count(self, key: bytes, now_s: float) -> None:
        """Counts a failure of the record with `key` at monotonic `now_s`.

        Raises:
            TooManyDeadLettersError: more different keys failed within a minute than are allowed.
        """
        self._last_seen[key] = now_s
        self._last_seen.move_to_end(key)
        while self._last_seen and next(iter(self._last_seen.values())) < now_s - WINDOW_S:
            self._last_seen.popitem(last=False)
        if len(self._last_seen) > self._per_minute:
            raise TooManyDeadLettersError(
                f"{len(self._last_seen)} sessions failed within a minute (limit {self._per_minute}): the stage stops"
                " so that it does not drain the topic; look at dead.letters, mend, start again"
                " (JOSEFINE_DEAD_LETTERS_PER_MINUTE)"
            )
