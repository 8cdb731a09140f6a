from itertools import pairwise

import numpy as np
import pytest
from bench.report import Distribution
from bench.streaming.audio import Spoken
from bench.streaming.load import Load
from bench.streaming.row import row
from bench.streaming.system import Ended, Final, Interim

from josefine_cli.manifest import ReferenceClip

PIECE = np.zeros(3200, np.int16).tobytes()


def spoken(name, text="red green", pieces=5):
    clip = ReferenceClip(name, name, (text,), "read", 0.2 * pieces)
    return Spoken(clip, (PIECE,) * pieces, 0.2 * pieces)


class Time:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


class Hearing:
    """Answers every session `delay_s` after its end; refuses what it is told to."""

    def __init__(self, clock, delay_s=0.3, text="red green", refused=()):
        self.clock, self.delay_s, self.text, self.refused = clock, delay_s, text, refused
        self.sent, self.ends, self.waiting = [], {}, []

    def open(self, session_id):
        if session_id in self.refused:
            self.waiting.append((self.clock(), Ended(session_id, self.clock(), error="over_capacity")))

    def send(self, session_id, samples, captured_at_s):
        self.sent.append((self.clock(), session_id, captured_at_s))
        self.waiting.append((self.clock(), Interim(session_id, self.clock(), f"w{len(self.sent)}", captured_at_s)))

    def end(self, session_id):
        self.ends[session_id] = self.clock()
        due_s = self.clock() + self.delay_s
        self.waiting += [(due_s, Final(session_id, due_s)), (due_s, Ended(session_id, due_s + 5.0, self.text))]

    def poll(self, timeout_s):
        self.clock.now_s += max(timeout_s, 1e-4)
        come = [event for due_s, event in self.waiting if due_s <= self.clock()]
        self.waiting = [(due_s, event) for due_s, event in self.waiting if due_s > self.clock()]
        return come


def run(recordings, streams=3, seconds=10.0, **hearing):
    clock = Time()
    client = Hearing(clock, **hearing)
    load = Load(client, clock=clock)
    load.begin(recordings, streams, seed=1, name="s", within_s=2.0)
    load.speak(clock() + seconds)
    return load, client, clock


def test_every_piece_is_sent_when_a_microphone_would_have_it():
    load, client, _ = run([spoken("a"), spoken("b", pieces=3)])
    assert all(sent_at_s == pytest.approx(due_s, abs=0.02) for sent_at_s, _, due_s in client.sent)
    assert max(piece.late_s for piece in load.sent) < 0.02


def test_a_stream_speaks_without_a_pause_each_recording_as_a_session():
    load, _, _ = run([spoken("a"), spoken("b", pieces=3)], streams=1)
    sessions = [each for each in load.sessions.values() if each.ended_at_s is not None]
    assert len(sessions) > 5
    for before, after in pairwise(sessions):
        assert after.began_at_s == pytest.approx(before.began_at_s + before.spoken.length_s)


def test_streams_begin_at_times_of_their_own_and_speak_in_orders_of_their_own():
    recordings = [spoken(f"r{number}") for number in range(12)]
    load, _, _ = run(recordings, streams=4, seconds=16.0)
    first = [each for each in load.sessions.values() if each.session_id.endswith("-1")]
    assert len({round(each.began_at_s % 0.2, 3) for each in first}) == 4
    assert len({each.spoken.clip.name for each in first}) > 1


def test_the_same_seed_makes_a_stream_say_the_same():
    recordings = [spoken(f"r{number}") for number in range(12)]
    said = [
        {key: each.spoken.clip.name for key, each in run(recordings, streams=n)[0].sessions.items()} for n in (2, 4)
    ]
    assert said[0].items() <= said[1].items()


def test_a_refused_stream_is_silent_until_the_recording_would_have_ended():
    load, client, _ = run([spoken("a")], streams=1, refused={"s-0-1"})
    refused, following = load.sessions["s-0-1"], load.sessions["s-0-2"]
    assert refused.error == "over_capacity"
    assert following.began_at_s == pytest.approx(refused.began_at_s + refused.spoken.length_s)
    assert [key for _, key, _ in client.sent].count("s-0-1") <= 1


def test_a_row_tells_of_what_ended_in_its_window():
    load, _, clock = run([spoken("a", "red green blue black")], delay_s=0.3)
    load.drain(5.0)
    made = row(load, 3, 1003.0, 1008.0, clock(), bound_s=1.0)
    assert made["sessions"] == pytest.approx(15, abs=1)
    assert made["after_end_s"].p95 == pytest.approx(0.3, abs=0.03)
    assert made["wer"] == pytest.approx(0.5)
    assert made["interims_per_stream_s"] == pytest.approx(5.0, abs=0.3)
    assert made["within"]
    assert made["refused"] == 0


def test_a_session_that_was_never_heard_is_as_late_as_it_was_waited_for():
    load, _, clock = run([spoken("a")], streams=1, delay_s=100.0)
    made = row(load, 1, 1003.0, 1008.0, clock(), bound_s=1.0)
    assert made["unheard"] == made["sessions"] > 0
    assert made["after_end_s"].most > 5.0
    assert made["wer"] is None
    assert not made["within"]


def test_refused_sessions_are_counted_by_code_and_left_out_of_latency():
    keys = {f"s-0-{number}" for number in range(1, 100)}
    load, _, clock = run([spoken("a")], streams=2, refused=keys)
    load.drain(5.0)
    made = row(load, 2, 1003.0, 1008.0, clock(), bound_s=1.0)
    assert made["refused_by_code"] == {"over_capacity": made["refused"]}
    assert made["refused"] >= 4
    assert made["after_end_s"].most < 1.0
    assert not made["within"]


def test_a_load_that_is_late_itself_makes_no_figure():
    load, _, clock = run([spoken("a")])
    load.drain(5.0)
    load.sent = [type(piece)(piece.sent_at_s, 0.2) for piece in load.sent]
    made = row(load, 3, 1003.0, 1008.0, clock(), bound_s=1.0)
    assert not made["load_kept_up"]
    assert not made["within"]
    assert made["load_late_s"] == Distribution.of([0.2] * made["load_late_s"].count)


def test_what_is_cut_is_ended_and_counts_for_nothing():
    load, client, _ = run([spoken("a")], streams=2)
    unfinished = [each for each in load.sessions.values() if each.ended_at_s is None]
    load.cut()
    assert {each.session_id for each in unfinished} <= client.ends.keys()
    assert all(each not in load.spoken_between(0.0, 2000.0) for each in unfinished)
    assert load.drain(30.0)
