"""A session's core against a model of the gateway, in memory: every cut, repetition and late acknowledgement."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_model import ModelSession, message, words_of

from josefine_client.errors import SessionError
from josefine_client.live.errors import (
    AudioLostError,
    AudioRefusedError,
    ClosedError,
    ConnectionLostError,
    ProtocolError,
    RefusedError,
    SupersededError,
)
from josefine_client.live.events import Complaint, Ended, Final, Interim, Reconnected, SpeechStarted, UtteranceEnd
from josefine_client.live.resumption import KEEP_ALIVE, Resumption, State
from josefine_client.live.settings import LiveSettings

SETTINGS = LiveSettings(buffer_bytes=64, give_up_after_s=30, first_delay_s=1, longest_delay_s=8)


class Wire:
    """A session's core and the model, with a connection between them that can be cut."""

    def __init__(self, settings=SETTINGS):
        self.now_s = 100.0
        self.core = Resumption(settings, self.now_s, random=lambda: 0.5)
        self.model = ModelSession()
        self.connection = None
        self.events = []

    def connect(self):
        self.now_s += self.core.delay_s(self.now_s)
        self.core.connecting()
        self.connection = self.model.open(self.core.parameters())
        self.deliver(1)

    def pump(self, count=1_000_000):
        while count and (frame := self.core.next_frame(self.now_s)) is not None:
            self.connection.receive(frame)
            count -= 1

    def deliver(self, count=1_000_000):
        while self.connection.messages and count and self.core.state is not State.DONE:
            self.core.take(self.connection.messages.popleft(), self.now_s)
            count -= 1
        while (event := self.core.read()) is not None:
            self.events.append(event)

    def cut(self, committed=0, torn=0, code=1006):
        """What was under way in both directions is gone, but for what the log has taken meanwhile."""
        self.connection.commit(committed)
        self.connection.tear(torn)
        reason = {1012: "resume", 1008: "slow reader: results were not taken in time"}.get(code, "")
        self.core.closed(code, reason, self.now_s)

    def settle(self):
        self.pump()
        self.connection.commit()
        self.connection.acknowledge()
        self.deliver()

    def said(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


counts = st.integers(1, 5)
actions = st.one_of(
    st.tuples(st.just("send"), st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("finalize"), st.none()),
    st.tuples(st.sampled_from(["pump", "commit", "deliver"]), counts),
    st.tuples(st.just("acknowledge"), st.integers(0, 30)),
    st.tuples(st.just("interim"), st.none()),
    st.tuples(st.just("repeat"), st.integers(0, 100)),
    st.tuples(
        st.just("cut"), st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from([1006, 1011, 1012, 1001, 1008]))
    ),
)


def play(wire, action, argument):
    """Does one thing of a schedule; returns the audio that it added."""
    match action:
        case "send" if wire.core.outbox.has_room(len(argument)):
            wire.core.outbox.add(argument)
            return argument
        case "finalize":
            wire.core.outbox.finalize()
        case "pump":
            wire.pump(argument)
        case "deliver":
            wire.deliver(argument)
        case "commit":
            wire.connection.commit(argument)
        case "acknowledge":
            wire.connection.acknowledge(behind=argument)
        case "interim":
            wire.connection.interim()
        case "repeat":
            wire.connection.repeat(argument)
        case "cut":
            wire.cut(*argument)
            wire.connect()
    return b""


@settings(deadline=None)
@given(st.lists(actions, min_size=20, max_size=60))
def test_whatever_happens_to_connections_every_byte_is_taken_once_and_every_final_told_once(schedule):
    wire, source = Wire(), bytearray()
    wire.connect()
    for action, argument in schedule:
        source += play(wire, action, argument)
    wire.core.outbox.close()
    wire.settle()

    assert wire.core.failure is None
    assert bytes(wire.model.taken) == bytes(source)
    finals = [final for final in wire.said(Final) if final.words]
    assert [word.word for final in finals for word in final.words] == words_of(source)
    assert all(one.sequence_id < next_.sequence_id for one, next_ in pairwise(finals))
    assert wire.core.spoken.transcript() == " ".join(words_of(source))
    assert len(wire.said(Ended)) == 1
    assert isinstance(wire.events[-1], Ended)
    assert len(wire.said(Reconnected)) == sum(action == "cut" for action, _ in schedule)
    answers = sum(final.from_finalize for final in wire.said(Final))
    assert answers >= sum(action == "finalize" for action, _ in schedule)
    told = 0
    for event in wire.events:
        told = event.sequence_id if isinstance(event, Final) else told
        assert not isinstance(event, Interim) or event.sequence_id >= told


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=30), max_size=20), st.lists(st.integers(0, 3), max_size=10))
def test_cuts_after_the_end_lose_nothing_either(pieces, committed):
    wire = Wire(LiveSettings())
    wire.connect()
    for piece in pieces:
        wire.core.outbox.add(piece)
    wire.core.outbox.close()
    for count in committed:
        wire.pump(count)
        wire.cut(count)
        wire.connect()
    wire.settle()

    assert (wire.core.state, wire.core.failure) == (State.DONE, None)
    assert bytes(wire.model.taken) == b"".join(pieces)


def test_the_newest_token_counts_and_a_late_acknowledgement_has_an_old_one():
    wire = Wire()
    wire.connect()
    wire.core.outbox.add(b"abc")
    for position, token in [(3, "three"), (1, "one"), (3, "three, later")]:
        wire.core.take(message("Acknowledged", bytes=position, resume_token=token), wire.now_s)
    assert wire.core.parameters()["resume"] == "three, later"
    assert wire.core.outbox.unacknowledged == 0


def test_a_full_buffer_has_room_again_when_audio_is_acknowledged():
    wire = Wire()
    wire.connect()
    wire.core.outbox.add(bytes(60))
    assert not wire.core.outbox.has_room(5)
    wire.settle()
    assert wire.core.outbox.has_room(64)
    assert wire.core.outbox.has_room(1_000), "a piece that is larger than the buffer would never have room"


def test_nothing_follows_the_end_and_the_end_is_sent_once():
    wire = Wire()
    wire.connect()
    wire.core.outbox.close()
    wire.core.outbox.close()
    for follow in (wire.core.outbox.finalize, lambda: wire.core.outbox.add(b"x")):
        with pytest.raises(SessionError, match="has ended"):
            follow()
    wire.pump()
    assert [json.loads(frame)["type"] for frame in wire.connection.received] == ["CloseStream"]


def test_an_answered_finalize_is_not_sent_again_an_unanswered_one_is():
    wire = Wire()
    wire.connect()
    wire.core.outbox.add(b"abc")
    wire.core.outbox.finalize()
    wire.settle()
    wire.core.outbox.finalize()
    wire.pump()
    wire.cut()
    wire.connect()
    wire.pump()
    assert [json.loads(frame)["type"] for frame in wire.connection.received] == ["Finalize"]


def test_keep_alive_is_sent_when_there_was_no_audio_for_some_seconds_and_not_after_the_end():
    wire = Wire()
    wire.connect()
    assert wire.core.next_frame(wire.now_s) is None
    wire.now_s += wire.core.idle_s(wire.now_s)
    assert wire.core.next_frame(wire.now_s) == KEEP_ALIVE
    assert wire.core.next_frame(wire.now_s) is None
    wire.core.outbox.close()
    wire.pump()
    wire.now_s += 60
    assert wire.core.next_frame(wire.now_s) is None
    assert wire.core.idle_s(wire.now_s) > 0


def test_a_server_that_is_silent_after_the_end_is_given_up():
    wire = Wire()
    wire.connect()
    wire.now_s += 1_000
    wire.core.outbox.close()
    wire.pump()
    wire.now_s += SETTINGS.end_patience_s
    wire.pump()
    assert wire.core.state is State.OPEN
    wire.now_s += 1
    wire.pump()
    with pytest.raises(ConnectionLostError, match="said nothing for 60 s"):
        wire.core.raise_failure()


def test_a_draining_server_is_left_at_once_but_only_once_in_a_row():
    wire = Wire()
    wire.connect()
    wire.settle()
    wire.cut(code=1012)
    assert wire.core.delay_s(wire.now_s) == 0
    wire.connect()
    wire.cut(code=1012)
    assert wire.core.delay_s(wire.now_s) > 0


def test_delays_grow_to_the_longest_and_the_patience_counts_from_the_last_connection():
    wire = Wire()
    wire.connect()
    wire.cut()
    begin_s, delays = wire.now_s, []
    while wire.core.state is State.CUT:
        delays.append(wire.core.delay_s(wire.now_s))
        wire.now_s += delays[-1]
        wire.core.cut("connection refused", wire.now_s)
    assert delays[:5] == [0.5, 1, 2, 4, 4]
    assert wire.now_s - begin_s == SETTINGS.give_up_after_s
    with pytest.raises(ConnectionLostError, match="30 s, the last try: connection refused"):
        wire.core.raise_failure()


def test_a_server_that_asks_for_time_gets_it_unless_it_is_too_much():
    wire = Wire()
    wire.core.refused(503, b"", "7", wire.now_s)
    assert wire.core.delay_s(wire.now_s) == 7
    wire.core.refused(429, b"", "40", wire.now_s)
    assert isinstance(wire.core.failure, ConnectionLostError)


@pytest.mark.parametrize(
    ("status", "said"),
    [(400, "mend the options"), (401, "API key"), (403, "ask for a key"), (404, "address"), (410, "begin a new one")],
)
def test_refusals_are_final_and_say_what_to_do(status, said):
    wire = Wire()
    wire.core.refused(status, b'{"err_code": "X", "err_msg": "No\\nway."}', "", wire.now_s)
    with pytest.raises(RefusedError, match=said) as raised:
        wire.core.raise_failure()
    assert raised.value.status == status
    assert str(raised.value).startswith(f"No way. (HTTP {status})")
    assert wire.core.failure_told


@pytest.mark.parametrize("body", [b"", b"plain", b"[]", b"{}"])
def test_a_refusal_without_words_is_readable_too(body):
    wire = Wire()
    wire.core.refused(418, body, "", wire.now_s)
    assert str(wire.core.failure) == "the server refuses (HTTP 418)"


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (1008, "superseded", SupersededError),
        (1008, "DATA-0000", AudioRefusedError),
        (1008, "", ClosedError),
        (1009, "", ClosedError),
        (1013, "over_capacity", ClosedError),
    ],
)
def test_closes_that_would_come_again_are_final(code, reason, error):
    wire = Wire()
    wire.connect()
    wire.core.closed(code, reason, wire.now_s)
    assert type(wire.core.failure) is error


@pytest.mark.parametrize("close_sent", [True, False])
def test_a_server_that_ends_before_it_heard_all_is_an_error(close_sent):
    wire = Wire()
    wire.connect()
    wire.core.outbox.add(b"abc")
    if close_sent:  # to a session that was over before
        wire.core.outbox.close()
        while wire.core.next_frame(wire.now_s) is not None:
            pass
    wire.core.take(message("Metadata", request_id="r", duration=0, channels=1), wire.now_s)
    wire.deliver()
    assert isinstance(wire.events[-1], Ended)
    with pytest.raises(AudioLostError, match="last 3 bytes"):
        wire.core.raise_failure()


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[1]",
        message("Results", is_final=True),
        message("Acknowledged", bytes="x", resume_token="t"),
        message("Acknowledged", bytes=1, resume_token="t"),
    ],
)
def test_what_cannot_be_read_or_believed_ends_the_session(frame):
    wire = Wire()
    wire.connect()
    wire.core.take(frame, wire.now_s)
    assert isinstance(wire.core.failure, ProtocolError)


def test_a_server_that_does_not_greet_is_no_gateway():
    wire = Wire()
    wire.core.take(message("Results"), wire.now_s)
    with pytest.raises(ProtocolError, match="Josefine gateway"):
        wire.core.raise_failure()


def test_a_server_that_lost_acknowledged_audio_is_not_believed():
    wire = Wire()
    wire.connect()
    wire.core.outbox.add(b"abc")
    wire.settle()
    wire.cut()
    del wire.model.taken[:]
    wire.connect()
    assert isinstance(wire.core.failure, ProtocolError)


def test_other_events_are_told_once_and_unknown_messages_passed_over():
    wire = Wire()
    wire.connect()
    started = message("SpeechStarted", channel=[1, 2], timestamp=0.5)
    ended = message("UtteranceEnd", channel=[1, 2], last_word_end=1.5)
    complaint = message("Error", variant="SchemaError", description="what?")
    for frame in (started, started, ended, ended, complaint, message("Weather", sunny=True)):
        wire.core.take(frame, wire.now_s)
    wire.deliver()
    assert wire.events == [SpeechStarted(1, 0.5), UtteranceEnd(1, 1.5), Complaint("SchemaError", "what?")]
    wire.cut()
    assert wire.core.parameters()["sequence_id"] == "0,0"


def test_unread_interims_are_forgotten_before_there_are_too_many():
    wire = Wire(LiveSettings(unread_events=4))
    wire.connect()
    for _ in range(9):
        wire.connection.receive(b"0123456789")
        wire.connection.commit()
        wire.connection.interim()
    while wire.connection.messages:
        wire.core.take(wire.connection.messages.popleft(), wire.now_s)
    wire.deliver()
    assert len(wire.said(Final)) == 11
    assert not wire.said(Interim)


def test_interims_of_before_a_final_and_overtaken_ones_are_not_told():
    wire = Wire()
    wire.connect()
    wire.model.taken += bytes(20)

    def interim(end, sequence_id):
        return wire.model.results(8, end, sequence_id, is_final=False)

    frames = [interim(12, 0), wire.model.results(0, 8, 2, is_final=True), interim(12, 0), interim(14, 2)]
    for frame in [*frames, interim(14, 2), interim(13, 2), interim(16, 2)]:
        wire.core.take(frame, wire.now_s)
    wire.deliver()
    told = [(type(event), event.sequence_id, round(event.end_s, 3)) for event in wire.events]
    assert told == [(Interim, 0, 1.2), (Final, 2, 0.8), (Interim, 2, 1.4), (Interim, 2, 1.6)]
