"""Why a record that is no chunk of its session goes to the dead letters, where it does."""

from josefine_stage.handler import Input, Rejection
from josefine_wire.chunk_faults import time_fault
from josefine_wire.records import AudioChunk
from josefine_wire.succession import Succession, Verdict


def refusal(verdict: Verdict, before: Succession, entry: Input[AudioChunk]) -> Rejection | None:
    """Returns why a record is refused by a session that stood as `before`; None: nothing is wrong with it."""
    record = entry.record
    if verdict is Verdict.STRAY and entry.committed:
        return None  # a replay may begin in the middle of a session that nobody needs any more
    return _of_chunk(verdict, before, record) if record["takes_over"] is None else _of_takeover(verdict)


def _of_takeover(verdict: Verdict) -> Rejection | None:
    match verdict:
        case Verdict.STRAY:
            return Rejection("unknown_session", "takes_over: is set, but the session's first chunk is not in the log")
        case Verdict.SUPERSEDED:
            return Rejection("superseded", "takes_over: is not the session's present producer", expected=True)
    return None  # who takes over what is over already asks for its results only


def _of_chunk(verdict: Verdict, before: Succession, chunk: AudioChunk) -> Rejection | None:
    number = f"sequence: is {chunk['sequence']}"
    match verdict:
        case Verdict.INVALID:
            return Rejection("invalid_chunk", time_fault(chunk) or f"{number}, must not be negative")
        case Verdict.STRAY:
            return Rejection("unknown_session", f"{number}, but the session's first chunk is not in the log")
        case Verdict.SUPERSEDED:
            return Rejection("superseded", "producer_id: another producer has taken this session over", expected=True)
        case Verdict.SECOND_PRODUCER:
            return Rejection("second_producer", "producer_id: another producer has begun this session")
        case Verdict.AFTER_END:
            return Rejection("after_end", f"{number}, but the session ended with {before.next_sequence - 1}")
    return None
