"""What a table says of N streams. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from bench.report import Distribution
from bench.streaming.load import Load
from bench.streaming.session import Session
from josefine_cli.scoring import clip_errors
from josefine_text.wer import WordErrors, pooled

MOST_REFUSED: Final = 0.01
"""Of the sessions: with more, it is fewer streams that are served."""
LATE_S: Final = 0.05
"""Load that is later than this at its 95th percentile tells of itself, not of the system."""


def row(load: Load, streams: int, begin_s: float, end_s: float, now_s: float, bound_s: float) -> dict[str, Any]:
    """Returns the figures of the sessions whose end mark was sent in the window, and of all that was heard in it."""
    sessions = load.spoken_between(begin_s, end_s)
    refused = Counter(session.error for session in sessions if session.error is not None)
    served = [session for session in sessions if session.error is None]
    after_end = Distribution.of([session.after_end_s(now_s) for session in served])
    late = Distribution.of([piece.late_s for piece in load.sent if begin_s <= piece.sent_at_s < end_s])
    stream_s = streams * (end_s - begin_s)
    return {
        "streams": streams,
        "sessions": len(served),
        "refused": sum(refused.values()),
        "refused_by_code": dict(refused),
        "unheard": sum(session.ended is None for session in served),
        "after_end_s": after_end,
        "after_words_s": Distribution.of(_after_words_s(load, begin_s, end_s)),
        "interims_per_stream_s": _interims(load, begin_s, end_s) / stream_s,
        "interim_s": Distribution.of(_interim_latencies_s(load, begin_s, end_s)),
        "wer": wer(served),
        "errors_by_recording": [(each.spoken.clip.name, errors_of(each)) for each in served if each.text is not None],
        "load_late_s": late,
        "load_kept_up": late.p95 <= LATE_S,
        "within": bool(served)
        and after_end.p95 <= bound_s
        and late.p95 <= LATE_S
        and sum(refused.values()) <= MOST_REFUSED * len(sessions),
    }


def wer(sessions: Sequence[Session]) -> float | None:
    """Returns the pooled word error rate of what was heard to its end; None of nothing."""
    errors = [errors_of(each) for each in sessions if each.text is not None]
    return pooled(errors).rate if errors else None


def errors_of(session: Session) -> WordErrors:
    """Returns the errors of a session that came to an end."""
    return clip_errors(session.spoken.clip, (session.text or "",))


def _after_words_s(load: Load, begin_s: float, end_s: float) -> list[float]:
    """Of endpoints inside sessions, by when the words were spoken: by arrival the latest would be left out."""
    return [
        latency_s
        for session in load.sessions.values()
        for spoken_at_s, latency_s in session.after_words_s()
        if begin_s <= spoken_at_s < end_s
    ]


def _interims(load: Load, begin_s: float, end_s: float) -> int:
    return sum(
        begin_s <= interim.arrived_at_s < end_s for session in load.sessions.values() for interim in session.interims
    )


def _interim_latencies_s(load: Load, begin_s: float, end_s: float) -> list[float]:
    return [
        interim.arrived_at_s - interim.captured_at_s
        for session in load.sessions.values()
        for interim in session.interims
        if interim.captured_at_s is not None and begin_s <= interim.arrived_at_s < end_s
    ]
