import pytest
from bench.streaming.session import Session
from bench.streaming.system import Ended, Final, Interim


def ended_session(*events, ended_at_s=110.0):
    session = Session("s", None, began_at_s=100.0, ended_at_s=ended_at_s)
    for event in events:
        session.take(event)
    return session


def test_the_last_final_behind_the_end_counts():
    session = ended_session(Final("s", 105.0), Final("s", 110.2), Final("s", 110.5), Ended("s", 111.0, "text"))
    assert session.after_end_s(200.0) == pytest.approx(0.5)


def test_where_all_finals_were_there_before_the_end_it_counts_when_nothing_more_comes():
    session = ended_session(Final("s", 105.0), Ended("s", 110.7, "text"))
    assert session.after_end_s(200.0) == pytest.approx(0.7)


def test_utterances_inside_the_session_are_as_late_as_their_last_word_is_old():
    session = ended_session(Final("s", 105.0, spoken_until_s=4.1), Final("s", 110.5))
    assert session.after_words_s() == [(pytest.approx(104.1), pytest.approx(0.9))]


def test_the_same_words_again_are_no_new_interim():
    session = ended_session(*(Interim("s", 101.0 + at, text) for at, text in enumerate(["a", "a", "", "a b", "a b"])))
    assert [interim.text for interim in session.interims] == ["a", "a b"]


def test_a_session_with_an_error_has_no_text():
    session = ended_session(Ended("s", 102.0, "half", error="over_capacity"))
    assert (session.text, session.error, session.refused_at_s) == (None, "over_capacity", 102.0)
