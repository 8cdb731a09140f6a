"""What each record of a session is to it."""

import pytest

from josefine_wire.chunk_faults import MAX_PAYLOAD_BYTES
from josefine_wire.succession import Succession, Verdict


def chunk(producer, sequence, payload=b"12", **fields):
    record = {
        "session_id": "s",
        "producer_id": producer,
        "sequence": sequence,
        "session_started_at": 1,
        "captured_at": 0,
        "start": None,
        "payload": payload,
        "flush": False,
        "end": False,
        "takes_over": None,
    }
    return record | fields


def takeover(producer, former, sequence=0):
    return chunk(producer, sequence, b"", takes_over=former)


def judged(records, state=None):
    """Returns the verdicts, by name, and the last state."""
    state, verdicts = state or Succession(), []
    for record in records:
        verdict, state = state.judge(record)
        verdicts.append(verdict.name)
    return verdicts, state


def test_a_session_of_one_producer():
    records = [chunk("a", 0), chunk("a", 1, b"345", flush=True), chunk("a", 2, b"", flush=True, end=True)]
    verdicts, state = judged(records)
    assert verdicts == ["BEGIN", "TAKEN", "TAKEN"]
    # What the last chunk asks for the end gives.
    assert state == Succession("a", 3, payload_bytes=5, flushes=1, ended=True)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (chunk("a", 0), "REPEATED"),
        (chunk("a", 1), "REPEATED"),
        (chunk("a", -1), "INVALID"),
        (chunk("a", 2, captured_at=-1), "INVALID"),
        (chunk("b", 2), "SECOND_PRODUCER"),
        (chunk("b", 0), "SECOND_PRODUCER"),
        (takeover("c", "b"), "SUPERSEDED"),
        (takeover("a", "b"), "REPEATED"),
    ],
)
def test_what_does_not_count_changes_nothing(record, verdict):
    _, before = judged([chunk("a", 0), chunk("a", 1)])
    assert judged([record], before) == ([verdict], before)


@pytest.mark.parametrize("record", [chunk("a", 1), takeover("b", "a"), takeover("b", "")])
def test_nothing_but_a_first_chunk_begins_a_session(record):
    assert judged([record]) == (["STRAY"], Succession())


def test_a_hole_is_passed_for_good():
    verdicts, state = judged([chunk("a", 0), chunk("a", 5), chunk("a", 3), chunk("a", 6)])
    assert verdicts == ["BEGIN", "TAKEN", "REPEATED", "TAKEN"]
    assert (state.next_sequence, state.payload_bytes) == (7, 6)


def test_a_payload_that_is_too_large_has_a_number_and_no_bytes():
    _, state = judged([chunk("a", 0), chunk("a", 1, bytes(MAX_PAYLOAD_BYTES + 1))])
    assert (state.next_sequence, state.payload_bytes) == (2, 2)


def test_the_first_to_take_over_wins_and_the_next_takes_over_from_that_one():
    records = [
        chunk("a", 0),
        takeover("b", "a"),
        takeover("c", "a"),
        chunk("a", 1),
        chunk("b", 1),
        takeover("c", "b"),
        takeover("c", "b"),
        chunk("b", 2),
        chunk("a", 2),
        chunk("c", 2, end=True),
    ]
    verdicts, state = judged(records)
    lost = ["SUPERSEDED", "SUPERSEDED"]
    assert verdicts == ["BEGIN", "TAKEOVER", *lost, "TAKEN", "TAKEOVER", "REPEATED", *lost, "TAKEN"]
    assert state == Succession("c", 3, payload_bytes=6, ended=True, taken_over=True)


def test_behind_the_end_nothing_changes():
    _, over = judged([chunk("a", 0), takeover("b", "a"), chunk("b", 1, end=True)])
    late = [takeover("c", "b"), takeover("c", "a"), chunk("b", 2), chunk("b", 1), chunk("a", 1), takeover("b", "a")]
    verdicts, state = judged(late, over)
    assert verdicts == ["AFTER_END", "AFTER_END", "AFTER_END", "REPEATED", "SUPERSEDED", "REPEATED"]
    assert state == over


def test_an_end_that_the_chunks_do_not_tell():
    _, state = judged([chunk("a", 0)])
    assert judged([chunk("a", 1), takeover("b", "a")], state.over()) == (["AFTER_END", "AFTER_END"], state.over())


def test_it_may_begin_late_and_read_what_came_before():
    log = [chunk("a", 0), chunk("a", 1, flush=True), takeover("b", "a"), takeover("c", "a"), chunk("b", 2)]
    _, now = judged(log)
    token = Succession(now.producer_id, now.next_sequence, now.payload_bytes, now.flushes)
    for begin in range(len(log)):
        verdicts, state = judged(log[begin:], token)
        assert state == token
        assert not {"BEGIN", "TAKEN", "TAKEOVER"} & set(verdicts)
    assert judged([chunk("b", 3)], token)[1].payload_bytes == 8


def test_which_records_are_chunks_of_the_session():
    assert {verdict for verdict in Verdict if verdict.taken} == {Verdict.BEGIN, Verdict.TAKEN}
