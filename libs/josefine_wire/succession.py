"""Which chunks of a session count: one pure fold over audio.raw in log order, for all who have to agree on it.

Ingest decides by it what is decoded, a producer that takes a session over learns from it where to go on, a replay
sends again what it took (docs/adr/0016-a-session-is-taken-over-in-the-log.md).
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from josefine_wire.chunk_faults import payload_fault, time_fault
from josefine_wire.records import AudioChunk


class Verdict(Enum):
    """What a record is to its session."""

    BEGIN = auto()
    """The first chunk: it counts, and whoever sent it is the producer."""
    TAKEN = auto()
    """A chunk that counts. Numbers that are missing before it are a gap, and are never taken later."""
    TAKEOVER = auto()
    """From here on the chunks of this record's producer count, and no others."""
    REPEATED = auto()
    """Its number, or its takeover, was passed before."""
    SUPERSEDED = auto()
    """From a producer that is not the present one, in a session that was taken over; or a takeover from one who is not
    the present one.
    """
    SECOND_PRODUCER = auto()
    """From a stranger, in a session that was never taken over."""
    AFTER_END = auto()
    """A chunk or a takeover behind the last chunk."""
    STRAY = auto()
    """A later chunk, or a takeover, of a session that has not begun."""
    INVALID = auto()
    """A number below 0, or times that cannot be."""

    @property
    def taken(self) -> bool:
        """Whether the record is a chunk of the session."""
        return self in {Verdict.BEGIN, Verdict.TAKEN}


@dataclass(frozen=True, slots=True)
class Succession:
    """Where a session stands between two records. The default is one that has not begun.

    It may begin late, with what was true behind some record: records before that one, read again, change nothing.
    For that no two connections ever have the same id, and a takeover names one that was seen to be the present
    producer.

    What the log of chunks does not tell is not in it: a session that ended by time-out or error has an END among the
    transcripts, and ingest says `over` here.
    """

    producer_id: str = ""
    """Whose chunks count."""
    next_sequence: int = 0
    """Number behind the highest that was taken; 0: the session has not begun."""
    payload_bytes: int = 0
    """Sum of the payloads taken."""
    flushes: int = 0
    """Flush marks taken, each of which every channel answers with FLUSHED; one on the last chunk is not: END does."""
    ended: bool = False
    """Whether nothing counts any more."""
    taken_over: bool = False
    """Whether the present producer is not the first. Former ones are not remembered by name, so that a session costs
    the same after any number of takeovers: from the first one on every foreign producer counts as a former one. A
    stranger among them is refused all the same, under the other name. A resume token need not carry it.
    """

    @property
    def begun(self) -> bool:
        """Whether the first chunk was taken."""
        return self.next_sequence > 0

    def judge(self, record: AudioChunk) -> tuple[Verdict, "Succession"]:
        """Returns what the session's next record is to it, and where the session stands behind it."""
        if record["takes_over"] is not None:
            return self._takeover(record, record["takes_over"])
        verdict = self._verdict(record)
        return verdict, self._behind(record) if verdict.taken else self

    def over(self) -> "Succession":
        """Returns the same for a session that ended without a last chunk."""
        return replace(self, ended=True)

    def _takeover(self, record: AudioChunk, former_id: str) -> tuple[Verdict, "Succession"]:
        if not self.begun:
            return Verdict.STRAY, self
        if record["producer_id"] == self.producer_id:
            return Verdict.REPEATED, self
        if self.ended:
            return Verdict.AFTER_END, self
        if former_id != self.producer_id:
            return Verdict.SUPERSEDED, self
        return Verdict.TAKEOVER, replace(self, producer_id=record["producer_id"], taken_over=True)

    def _verdict(self, chunk: AudioChunk) -> Verdict:
        sequence = chunk["sequence"]
        if sequence < 0:
            return Verdict.INVALID
        if not self.begun:
            return Verdict.STRAY if sequence > 0 else Verdict.BEGIN
        if chunk["producer_id"] != self.producer_id:
            return Verdict.SUPERSEDED if self.taken_over else Verdict.SECOND_PRODUCER
        if sequence < self.next_sequence:
            return Verdict.REPEATED
        if self.ended:
            return Verdict.AFTER_END
        return Verdict.INVALID if time_fault(chunk) else Verdict.TAKEN

    def _behind(self, chunk: AudioChunk) -> "Succession":
        # A payload that is too large leaves a gap in its place: the number is used, the bytes are not heard.
        heard_bytes = 0 if payload_fault(chunk) else len(chunk["payload"])
        return replace(
            self,
            producer_id=chunk["producer_id"],
            next_sequence=chunk["sequence"] + 1,
            payload_bytes=self.payload_bytes + heard_bytes,
            flushes=self.flushes + (chunk["flush"] and not chunk["end"]),
            ended=chunk["end"],
        )
