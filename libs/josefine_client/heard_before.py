"""What the log says already of sessions that are to be replayed: a digest of each final, the model, the ends. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from josefine_client.results import SessionResult
from josefine_client.sessions_in_log import keyed_session
from josefine_stage.ports import RawRecord
from josefine_wire.codec import WireError, decode
from josefine_wire.records import Transcript
from josefine_wire.topics import TRANSCRIPTS


@dataclass(frozen=True, slots=True)
class Comparison:
    """Finals of a replay beside those of the same ids in the log before it."""

    same: int = 0
    changed: int = 0
    """Another text."""
    new: int = 0
    """Their id was not there."""

    @property
    def equal(self) -> bool:
        """Whether every final was there before, with the same text."""
        return not self.changed and not self.new


@dataclass(slots=True)
class HeardBefore:
    """Grows with the transcripts of the wanted sessions; a final costs its id and 16 bytes. One thread."""

    wanted: frozenset[str]
    models: dict[str, str] = field(default_factory=dict)
    """Session id -> the model of its own transcripts."""
    started_at_ms: dict[str, int] = field(default_factory=dict)
    """Session id -> the session_started_at of its transcripts."""
    _channels: dict[str, int] = field(default_factory=dict)
    _ends: dict[str, set[int]] = field(default_factory=dict)
    _finals: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, sessions: Iterable[str]) -> "HeardBefore":
        """Returns one that has heard nothing yet of these sessions."""
        return cls(frozenset(sessions))

    def note(self, raw: RawRecord) -> None:
        """Takes a record of the topic transcripts; those of other sessions are not decoded."""
        if keyed_session(raw) not in self.wanted:
            return
        try:
            record: Transcript = decode(TRANSCRIPTS, raw.value)
        except WireError:
            return  # somebody else wrote it: the engine's own records can be read
        if record["kind"] == "FINAL":
            self._finals.setdefault(record["id"], _digest(record))
        if record["variant"]:
            return
        session_id = record["session_id"]
        self.models.setdefault(session_id, record["model"])
        self.started_at_ms.setdefault(session_id, record["session_started_at"])
        if record["kind"] == "END":
            self._channels[session_id] = record["channels"]
            self._ends.setdefault(session_id, set()).add(record["channel"])

    def ended(self, session_id: str) -> bool:
        """Returns whether the session's own transcripts have their end."""
        return session_id in self._ends and len(self._ends[session_id]) >= self._channels[session_id]

    def compare(self, result: SessionResult) -> Comparison:
        """Returns how the finals of a replay stand beside those before it, id by id."""
        finals = result.finals()
        before = [self._finals.get(final["id"]) for final in finals]
        new = before.count(None)
        same = sum(digest == _digest(final) for digest, final in zip(before, finals, strict=True))
        return Comparison(same=same, changed=len(finals) - new - same, new=new)


def _digest(final: Transcript) -> bytes:
    return hashlib.blake2b(final["text"].encode(), digest_size=16).digest()
