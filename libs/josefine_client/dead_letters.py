"""Dead letters without their bytes: which are meant, and what sending them again comes to. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from josefine_client.replay import looks_like_replay
from josefine_stage.ports import RawRecord
from josefine_wire.codec import WireError, decode
from josefine_wire.records import DeadLetter
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, DEAD_LETTERS, FEATURE_FRAMES

REQUEUED_HEADER: Final = "josefine-requeued"
"""On a record that was written again: the id of its dead letter."""
SESSION_TOPICS: Final = (AUDIO_RAW, AUDIO_FRAMES, FEATURE_FRAMES)
"""In the order of the stages. A record of these means nothing once its session has gone on without it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as a list shows it."""

    id: str
    stage: str
    topic: str
    session_id: str | None
    code: str
    reason: str
    failed_at_ms: int
    requeued: str = ""
    """Id of the letter whose record was written again and failed again as this one; empty: it is no such record."""

    @property
    def repeats(self) -> bool:
        """Whether its record had been sent again, by itself or with its session: it is no first try."""
        return bool(self.requeued) or looks_like_replay(self.session_id or "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; what is empty or None says nothing, what is given has to fit."""

    ids: Collection[str] = ()
    stage: str = ""
    code: str = ""
    session: str = ""

    def __contains__(self, letter: Letter) -> bool:
        return (
            (not self.ids or letter.id in self.ids)
            and self.stage in ("", letter.stage)
            and self.code in ("", letter.code)
            and self.session in ("", letter.session_id)
        )


@dataclass(frozen=True, slots=True)
class Requeue:
    """What is to be done with letters."""

    sessions: Mapping[str, Sequence[str]]
    """Topic -> the sessions to be replayed from it, each once for all its letters."""
    records: Sequence[Letter] = field(default_factory=list)
    """To be written to their topics again, unchanged."""


def read_letter(raw: RawRecord) -> DeadLetter | None:
    """Returns the dead letter, or None where somebody else wrote something else."""
    try:
        letter: DeadLetter = decode(DEAD_LETTERS, raw.value)
    except WireError:
        return None
    return letter


def wanted_letters(records: Iterable[RawRecord], wanted: Wanted) -> list[Letter]:
    """Returns the letters that are meant, each once, oldest first."""
    found: dict[str, Letter] = {}
    for raw in records:
        record = read_letter(raw)
        letter = summary(record) if record else None
        if letter is not None and letter in wanted:
            found.setdefault(letter.id, letter)
    return sorted(found.values(), key=lambda letter: letter.failed_at_ms)


def whole_letters(records: Iterable[RawRecord], ids: Collection[str]) -> Iterator[DeadLetter]:
    """Yields the letters with these ids, each once, in the order of the log, until all were found."""
    left = set(ids)
    for raw in records:
        record = read_letter(raw)
        if record is not None and record["id"] in left:
            left.remove(record["id"])
            yield record
        if not left:
            return


def summary(record: DeadLetter) -> Letter:
    """Returns a dead letter without its record."""
    return Letter(
        record["id"],
        record["stage"],
        record["topic"],
        record["session_id"],
        record["code"],
        record["reason"],
        record["failed_at"],
        record["headers"].get(REQUEUED_HEADER, b"").decode("utf-8", "replace"),
    )


def requeue_of(letters: Sequence[Letter]) -> Requeue:
    """Returns what sending letters again comes to.

    Records of a session with state are heard with their whole session, from the earliest topic that has a letter of it.
    Of the others, texts and what could not be read, each stands for itself.
    """
    earliest: dict[str, int] = {}
    records = []
    for letter in letters:
        if letter.session_id is None or letter.topic not in SESSION_TOPICS:
            records.append(letter)
            continue
        place = SESSION_TOPICS.index(letter.topic)
        earliest[letter.session_id] = min(place, earliest.get(letter.session_id, place))
    sessions = {
        topic: [session_id for session_id, first in earliest.items() if first == place]
        for place, topic in enumerate(SESSION_TOPICS)
    }
    return Requeue({topic: of_topic for topic, of_topic in sessions.items() if of_topic}, records)
