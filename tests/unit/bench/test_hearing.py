import pytest
from bench.hearing import Heard
from bench.load import NEVER_ENDED


def transcript(kind, **changes):
    return {
        "session_id": "run-1",
        "kind": kind,
        "speech_final": True,
        "captured_at": 102_500_000,
        "session_started_at": 100_000,
        "end_sample": 32_000,
        "error": None,
    } | changes


def test_a_final_is_as_late_as_its_speech_and_its_endpoint_are_old():
    heard = Heard("run")
    heard.take(transcript("FINAL"), 102.75)
    (final,) = heard.finals
    assert (final.after_speech_s, final.after_endpoint_s) == pytest.approx((0.75, 0.25))


def test_finals_that_no_endpoint_closed_or_no_clock_tells_have_no_latency():
    heard = Heard("run")
    heard.take(transcript("FINAL", speech_final=False), 102.75)
    heard.take(transcript("FINAL", captured_at=0), 102.75)
    assert heard.finals == []


def test_finals_of_sessions_that_nobody_ends_have_no_latency():
    heard = Heard("run")
    heard.take(transcript("FINAL", session_id=f"run{NEVER_ENDED}1"), 162.75)
    assert heard.finals == []


def test_sessions_of_other_runs_are_not_heard():
    heard = Heard("run")
    for kind in ("INTERIM", "FINAL", "END"):
        heard.take(transcript(kind, session_id="other-1"), 102.75)
    assert heard == Heard("run")


def test_answers_to_flush_are_nothing_that_is_measured():
    heard = Heard("run")
    heard.take(transcript("FLUSHED"), 102.75)
    assert heard == Heard("run")


def test_errors_of_sessions_are_kept():
    heard = Heard("run")
    heard.take(transcript("END", error={"code": "unknown_model", "message": "no such"}), 103.0)
    assert (heard.ends, heard.failures) == (1, ["unknown_model: no such"])


def test_what_is_counted_is_what_came_in_between():
    heard = Heard("run")
    for now_s in (101.0, 102.0, 103.0):
        heard.take(transcript("INTERIM"), now_s)
        heard.take(transcript("FINAL"), now_s)
    assert heard.interims_between(101.0, 103.0) == len(heard.finals_between(101.0, 103.0)) == 2
    heard.forget_before(102.5)
    assert heard.interims_between(0.0, 200.0) == len(heard.finals) == 1
