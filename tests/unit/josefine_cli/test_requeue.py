"""Dead letters that are sent again, and again: what is chosen, said, and handed to the replay."""

import pytest
from typer.testing import CliRunner

from josefine_cli import dlq
from josefine_cli.main import app
from josefine_client.chunks import ChunkNumbering, Session
from josefine_client.dead_letters import REQUEUED_HEADER
from josefine_client.replay import rewritten
from josefine_kafka.connection import Broker
from josefine_stage.handler import Source
from josefine_stage.ports import RawRecord
from josefine_wire.codec import decode, encode
from josefine_wire.records import session_config
from josefine_wire.topics import AUDIO_RAW, DEAD_LETTERS


class Engine:
    """A log in which every replay of a session fails again, with a letter for its first record."""

    def __init__(self):
        self.records = []
        self.replays = []

    def put(self, topic, key, value, headers=None):
        offset = sum(raw.source.topic == topic for raw in self.records)
        self.records.append(RawRecord(Source(topic, 0), offset, 1_000, key, value, headers or {}))

    def since(self, topic, start):
        return [raw for raw in self.records if raw.source.topic == topic]

    def speak(self, session_id):
        for chunk in ChunkNumbering(Session(session_id, session_config()), "p", 1).chunks(b"one", end=True):
            self.put(AUDIO_RAW, session_id.encode(), encode(AUDIO_RAW, chunk))
        self.refuse(session_id)

    def refuse(self, session_id, topic=AUDIO_RAW, headers=None):
        offset = len(self.records)
        letter = {
            "id": f"ingest/{topic}/0/{offset}",
            "stage": "ingest",
            "topic": topic,
            "partition": 0,
            "offset": offset,
            "key": b"k",
            "value": b"junk",
            "headers": headers or {},
            "session_id": session_id,
            "code": "decode_error",
            "reason": "byte 12",
            "failed_at": offset,
        }
        self.put(DEAD_LETTERS, b"k", encode(DEAD_LETTERS, letter))
        return letter["id"]

    def replay(self, broker, found, running):
        """Stands for the replay: what was found is written and fails."""
        for plan in found.plans:
            self.replays.append(plan.source.session_id)
            for raw in self.since(AUDIO_RAW, 0):
                if raw.key == plan.source.session_id.encode():
                    self.put(AUDIO_RAW, *rewritten(AUDIO_RAW, decode(AUDIO_RAW, raw.value), plan))
            self.refuse(plan.replay_id)
        for session_id, reason in found.refused:
            dlq._say(f"{session_id}: {reason}")
        return bool(found.refused)

    def send(self, topic, key, value, headers=None):
        self.refuse(None, topic, headers)

    def flush(self, timeout_s):
        pass

    def close(self):
        pass


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(dlq, "require_broker", lambda: Broker("127.0.0.1:1"))
    monkeypatch.setattr(dlq, "LogReader", lambda broker: engine)
    monkeypatch.setattr(dlq, "AcknowledgedWriter", lambda broker: engine)
    monkeypatch.setattr(dlq, "run_replay", engine.replay)
    return engine


@pytest.fixture
def requeue():
    """Runs the command; gives its status and its lines."""

    def run(*arguments):
        done = CliRunner().invoke(app, ["dlq", "requeue", *arguments, "--yes"])
        return done.exit_code, done.stderr.splitlines()

    return run


@pytest.mark.parametrize("chosen", [["--all"], ["--code", "decode_error"]])
def test_a_second_requeue_sends_what_failed_at_first_once_more_and_no_replay(engine, requeue, chosen):
    engine.speak("s")
    junk = engine.refuse(None)

    first, second = requeue(*chosen), requeue(*chosen)

    plan = ["josefine: replay from audio.raw: s", f"josefine: write to audio.raw again: {junk} (decode_error)"]
    assert first == (0, plan)
    status, (left_out, *again) = second
    assert (status, again) == (0, plan)
    assert left_out.startswith("josefine: left out, what they repeat stands for them: ")
    assert (left_out.count("(s~"), left_out.count(f"({junk})")) == (1, 1)
    assert engine.replays == ["s", "s"]
    # Once in each: a third requeue finds as many letters more, not twice as many.
    assert sum(REQUEUED_HEADER.encode() in raw.value for raw in engine.since(DEAD_LETTERS, 0)) == 2


def test_where_all_are_left_out_nothing_is_asked_and_nothing_fails(engine, requeue):
    replay = "s~0123456789ab"
    id_ = engine.refuse(replay)

    assert requeue("--session", replay) == (
        0,
        [f"josefine: left out, what they repeat stands for them: {id_} ({replay})"],
    )


def test_a_letter_of_a_replay_that_is_named_is_a_line(engine, requeue):
    engine.speak("s")
    requeue("--all")
    *_, last = engine.since(DEAD_LETTERS, 0)
    letter = decode(DEAD_LETTERS, last.value)

    status, lines = requeue(letter["id"])

    assert status == 1
    assert lines[-1] == f"josefine: {letter['session_id']}: is a replay of s itself: replay that one"
    assert engine.replays == ["s"]
