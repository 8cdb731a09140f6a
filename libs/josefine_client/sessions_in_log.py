"""Which sessions stand in a topic, where each begins and ends. Pure: records in, a small entry a session kept."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.codec import WireError, decode
from josefine_wire.records import Replay, SessionConfig
from josefine_wire.succession import Succession, Verdict
from josefine_wire.topics import AUDIO_RAW, TRANSCRIPTS


@dataclass(slots=True)
class SessionInLog:
    """What the log says of one session on one topic."""

    session_id: str
    topic: str
    timestamp_ms: int
    """Of its first record here, Unix epoch, as the broker has it."""
    last_timestamp_ms: int
    started_at_ms: int
    """The session_started_at of its results: what its records say, never later than the first of them."""
    stretches: dict[Source, tuple[int, int]] = field(default_factory=dict)
    """First and last offset in each partition that holds records of it."""
    channels: int = 1
    begun: set[int] = field(default_factory=set)
    """Channels whose first record is here; on audio.raw, channel 0 stands for all."""
    ended: set[int] = field(default_factory=set)
    """Channels whose last record is here."""
    config: SessionConfig | None = None
    producer_id: str = ""
    """Who began it, on audio.raw."""
    succession: Succession = field(default_factory=Succession)
    """Which of its chunks count, on audio.raw: those that ingest took, as far as the log tells."""

    @property
    def last_sequence(self) -> int:
        """Highest number of its chunks; -1: on another topic, where nobody would miss the last one."""
        return self.succession.next_sequence - 1

    @property
    def has_beginning(self) -> bool:
        """Whether nothing is missing before the first record of any channel; transcripts do not tell."""
        return self.topic == TRANSCRIPTS or len(self.begun) >= self.channels

    @property
    def has_end(self) -> bool:
        """Whether every channel's last record is here."""
        return len(self.ended) >= self.channels

    @property
    def replay(self) -> Replay | None:
        """Whose results it gives, if it is a replay itself."""
        return self.config.get("replay") if self.config else None


def keyed_session(raw: RawRecord) -> str:
    """Returns the session whose key a record has."""
    return (raw.key or b"").partition(b"/")[0].decode("utf-8", "replace")


def session_record(raw: RawRecord) -> Any:
    """Returns the record where it can be heard again, else None.

    One that cannot be read, or has another session's key, was dead-lettered by the stage before it was heard; of
    transcripts, interims, answers to flush and other variants are left out: nobody works on them.
    """
    try:
        record = decode(raw.source.topic, raw.value)
    except WireError:
        return None
    if record["session_id"] != keyed_session(raw):
        return None
    unheard = raw.source.topic == TRANSCRIPTS and (record["kind"] in {"INTERIM", "FLUSHED"} or record["variant"])
    return None if unheard else record


class SessionIndex:
    """The sessions of a topic, from its records in the order of each partition. One thread."""

    def __init__(self, topic: str, only: Collection[str] = ()) -> None:
        """`only`: the sessions that are looked for, where it is not all; the records of others are not decoded."""
        self._topic = topic
        self._only = frozenset(only)
        self._sessions: dict[str, SessionInLog] = {}

    def __iter__(self) -> Iterator[SessionInLog]:
        return iter(self._sessions.values())

    def get(self, session_id: str) -> SessionInLog | None:
        """Returns what is known of a session, or None."""
        return self._sessions.get(session_id)

    def complete(self) -> bool:
        """Returns whether all that is looked for was found, to its end."""
        known = [self._sessions.get(session_id) for session_id in self._only]
        return bool(known) and all(session is not None and session.has_end for session in known)

    def note(self, raw: RawRecord) -> None:
        """Takes a record."""
        if self._only and keyed_session(raw) not in self._only:
            return
        record = session_record(raw)
        if record is not None:
            self._extend(self._session(raw, record), raw, record)

    def _session(self, raw: RawRecord, record: Any) -> SessionInLog:
        session = self._sessions.get(record["session_id"])
        if session is None:
            started_at_ms = max(0, min(record["session_started_at"], raw.timestamp_ms))
            at_ms = raw.timestamp_ms
            session = SessionInLog(record["session_id"], self._topic, at_ms, at_ms, started_at_ms)
            self._sessions[session.session_id] = session
        return session

    def _extend(self, session: SessionInLog, raw: RawRecord, record: Any) -> None:
        first, _ = session.stretches.get(raw.source, (raw.offset, 0))
        session.stretches[raw.source] = (first, raw.offset)
        session.timestamp_ms = min(session.timestamp_ms, raw.timestamp_ms)
        session.last_timestamp_ms = max(session.last_timestamp_ms, raw.timestamp_ms)
        channel = record.get("channel", 0)
        session.channels = max(session.channels, record.get("channels", 1))
        if session.topic == AUDIO_RAW:
            verdict, session.succession = session.succession.judge(record)
            begins, ends = verdict is Verdict.BEGIN, session.succession.ended
        else:
            begins, ends = record.get("sequence") == 0 and channel not in session.begun, _ends(session, record)
        if begins:
            session.begun.add(channel)
            self._begin(session, record)
        if ends:
            session.ended.add(channel)

    @staticmethod
    def _begin(session: SessionInLog, record: Any) -> None:
        start = record["start"]
        session.producer_id = record.get("producer_id", "")
        if start is not None:
            session.config = session.config or start.get("config", start)


def _ends(session: SessionInLog, record: Any) -> bool:
    return bool(record["kind"] == "END" if session.topic == TRANSCRIPTS else record["end"])
