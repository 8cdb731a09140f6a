from dataclasses import replace
from itertools import groupby

import pytest
from bench.load import NEVER_ENDED, Load, LoadOptions, split
from bench.tape import BYTES_PER_S

from josefine_wire.codec import decode

TAPE = bytes(range(256)) * (BYTES_PER_S * 20 // 256)
OPTIONS = LoadOptions("broker", "tape", "test", streams=2, begin_s=1000.0, seconds=4.0, ramp_s=1.0)


class SteppingClock:
    """Time passes only while somebody waits."""

    def __init__(self):
        self.now_s = 990.0

    def monotonic_s(self):
        return self.now_s

    def epoch_s(self):
        return self.now_s

    def wait(self, seconds):
        self.now_s += seconds


class Kept:
    def __init__(self, clock, hindrance_s=0.0):
        self.records = []
        self._clock, self._hindrance_s = clock, hindrance_s

    def send(self, topic, key, value):
        self.records.append((self._clock.now_s, key.decode(), decode(topic, value)))
        self._clock.now_s += self._hindrance_s

    def flush(self, timeout_s):
        pass

    def close(self):
        pass


def sent(options, hindrance_s=0.0):
    clock = SteppingClock()
    kept = Kept(clock, hindrance_s)
    return Load(options, TAPE, clock).run(kept), kept.records


def sessions_of(records):
    ordered = sorted(records, key=lambda sent: sent[1])
    return [[(time_s, record) for time_s, _, record in group] for _, group in groupby(ordered, lambda sent: sent[1])]


def test_live_sessions_play_at_the_pace_of_speech_until_the_end():
    outcome, records = sent(OPTIONS)
    sessions = sessions_of(records)
    assert len(sessions) == outcome.sessions == 2
    assert sorted(session[0][0] for session in sessions) == pytest.approx([1000.2, 1000.7], abs=0.01)
    for session in sessions:
        assert [record["sequence"] for _, record in session] == list(range(len(session)))
        assert [record["end"] for _, record in session] == [False] * (len(session) - 1) + [True]
        assert session[0][1]["start"]["config"]["mode"] == "LIVE"
        assert session[-1][0] <= 1004.01
    assert outcome.late_p99_s == pytest.approx(0.0, abs=0.01)


def test_a_piece_carries_the_time_at_which_a_microphone_would_have_it():
    _, records = sent(OPTIONS)
    for session in sessions_of(records):
        begin_us = session[0][1]["session_started_at"] * 1000
        for _, record in session:
            due_us = begin_us + 200_000 * (record["sequence"] + 1)
            assert record["captured_at"] == pytest.approx(due_us, abs=1_000)


def test_the_samples_are_those_of_the_tape_in_order():
    _, records = sent(replace(OPTIONS, streams=1))
    (session,) = sessions_of(records)
    played = b"".join(record["payload"] for _, record in session)
    assert played[: BYTES_PER_S * 2] in TAPE + TAPE


def test_load_that_is_late_says_so():
    outcome, _ = sent(OPTIONS, hindrance_s=0.3)
    assert outcome.late_p99_s > 0.1


def test_churned_sessions_follow_one_another_under_new_ids():
    outcome, records = sent(replace(OPTIONS, streams=1, seconds=10.0, shortest_s=1.0, longest_s=2.0))
    sessions = sessions_of(records)
    assert len(sessions) == outcome.sessions > 4
    assert all(session[-1][1]["end"] for session in sessions)
    assert outcome.audio_s == pytest.approx(10.0, abs=0.3)


def test_abandoned_sessions_never_end_and_their_ids_say_so():
    outcome, records = sent(replace(OPTIONS, seconds=20.0, shortest_s=1.0, longest_s=1.0, abandoned=0.5))
    ended = {session[0][1]["session_id"] for session in sessions_of(records) if session[-1][1]["end"]}
    abandoned = {record["session_id"] for _, _, record in records} - ended
    assert len(abandoned) == outcome.abandoned > 0
    assert all(NEVER_ENDED in session_id for session_id in abandoned)
    assert not any(NEVER_ENDED in session_id for session_id in ended)


def test_recorded_sessions_come_beside_live_ones_and_do_not_make_them_late():
    options = replace(OPTIONS, shortest_s=3.0, longest_s=3.0, recorded_every_s=1.0)
    outcome, records = sent(options, hindrance_s=0.001)
    modes = [session[0][1]["start"]["config"]["mode"] for session in sessions_of(records)]
    assert modes.count("RECORDED") >= 2
    assert outcome.late_p99_s < 0.01


def test_a_backlog_is_sent_at_once_each_session_whole():
    _, records = sent(replace(OPTIONS, mode="RECORDED", ramp_s=0.0, shortest_s=3.0, longest_s=3.0))
    assert {round(time_s) for time_s, _, _ in records} == {1000}
    for session in sessions_of(records):
        assert [len(record["payload"]) for _, record in session] == [BYTES_PER_S] * 3
        assert session[-1][1]["end"]


def test_split_shares_the_slots_out():
    parts = list(split(replace(OPTIONS, streams=7), 3))
    assert [part.streams for part in parts] == [3, 2, 2]
    assert len({(part.name, part.seed) for part in parts}) == 3
    assert all(part.name.startswith("test") for part in parts)
