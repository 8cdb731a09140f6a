"""Finds the sessions that are to be replayed, and what the log says of them already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from josefine_client.heard_before import HeardBefore
from josefine_client.replay import ReplayPlan, plan_of, refusal
from josefine_client.sessions_in_log import SessionIndex, SessionInLog
from josefine_stage.ports import RawRecord
from josefine_wire.topics import TRANSCRIPTS

CLOCK_SKEW_MS: Final = 5_000
"""Allowed between the clocks of producers and brokers, as in the stages."""
Start = Literal["beginning"] | int


class PastLog(Protocol):
    """What a search needs of a broker: josefine_kafka's LogReader, or lists in tests."""

    def since(self, topic: str, start: Start) -> Iterator[RawRecord]:
        """Yields what stands in a topic from `start` (Unix epoch in ms) on."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gave."""

    plans: Sequence[ReplayPlan]
    """In the order in which the sessions began."""
    refused: Sequence[tuple[str, str]]
    """Session ids and why they cannot be replayed."""
    left_out: Sequence[str]
    """Sessions that had begun before the range."""
    heard: HeardBefore


def named_sessions(log: PastLog, topic: str, sessions: Sequence[str], model: str, now_ms: int) -> Found:
    """Returns the plans for sessions by id."""
    heard = HeardBefore.of(sessions)
    for raw in log.since(TRANSCRIPTS, "beginning"):
        heard.note(raw)
    # Transcripts are small and say when a session began: a day of audio need not be read for it.
    known = [heard.started_at_ms.get(session_id) for session_id in sessions]
    started = [at_ms for at_ms in known if at_ms is not None]
    start: Start = max(min(started) - CLOCK_SKEW_MS, 0) if len(started) == len(known) else "beginning"
    index = SessionIndex(topic, sessions)
    for raw in log.since(topic, start):
        index.note(raw)
        if index.complete():
            break
    unknown = [(session_id, f"is not on {topic}") for session_id in sessions if index.get(session_id) is None]
    return _found(list(index), heard, model, now_ms, refused=unknown)


def sessions_between(log: PastLog, topic: str, between_ms: tuple[int, int], model: str, now_ms: int) -> Found:
    """Returns the plans for all sessions that begin within a range, both ends included; replays are left out."""
    from_ms, to_ms = between_ms
    index = SessionIndex(topic)
    for raw in log.since(topic, from_ms):
        index.note(raw)
    own = [session for session in index if not session.replay]
    before = [session.session_id for session in own if _began_before(session, from_ms)]
    wanted = [each for each in own if each.timestamp_ms <= to_ms and not _began_before(each, from_ms)]
    heard = HeardBefore.of(session.session_id for session in wanted)
    for raw in log.since(TRANSCRIPTS, max(from_ms - CLOCK_SKEW_MS, 0)) if wanted else ():
        heard.note(raw)
    return _found(wanted, heard, model, now_ms, left_out=before)


def _began_before(session: SessionInLog, from_ms: int) -> bool:
    """Returns whether a session's beginning lies before the range rather than beyond what the log still has."""
    headless = session.topic == TRANSCRIPTS or not session.has_beginning
    return headless and session.started_at_ms < from_ms


def _found(
    sessions: Sequence[SessionInLog],
    heard: HeardBefore,
    model: str,
    now_ms: int,
    *,
    refused: Sequence[tuple[str, str]] = (),
    left_out: Sequence[str] = (),
) -> Found:
    plans, reasons = list[ReplayPlan](), list(refused)
    for session in sorted(sessions, key=lambda session: session.timestamp_ms):
        reason = refusal(session, heard, now_ms)
        if reason is None:
            plans.append(plan_of(session, heard, model, now_ms))
        else:
            reasons.append((session.session_id, reason))
    return Found(plans, reasons, left_out, heard)
