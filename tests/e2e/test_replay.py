"""Sessions that are heard again from the log, and dead letters that are sent again, as a shell asks for it."""

import json
import subprocess
import sys
import uuid
from collections import Counter, defaultdict

import pytest

from josefine_kafka.stretch import LogReader
from josefine_wire.codec import decode
from josefine_wire.topics import TRANSCRIPTS, UNDERSTANDING

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def josefine(client, monkeypatch):
    """Runs a command against the engine; gives its JSON lines after checking the exit status."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", client.stack.bootstrap_servers)

    def run(*arguments, status=0):
        command = [sys.executable, "-m", "josefine_cli.main", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, timeout=240, check=False, text=True)
        assert done.returncode == status, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    return run


@pytest.fixture
def heard(client, sample_path, one_piece):
    """Has a recording transcribed and gives its session id."""

    def transcribed(mode="RECORDED"):
        session_id = uuid.uuid4().hex
        client.play(one_piece(sample_path("lj002-0020.wav").read_bytes(), session_id, mode))
        return session_id

    return transcribed


@pytest.fixture
def in_log(client):
    """Gives everything that stands in the log under a session's id but interims: by id, in order."""

    def records(session_id):
        found = defaultdict(list)
        for topic in (TRANSCRIPTS, UNDERSTANDING):
            for raw in LogReader(client.broker).since(topic, "beginning"):
                record = decode(topic, raw.value)
                if record["session_id"] == session_id and record["kind"] != "INTERIM":
                    found[record["id"]].append(record)
        return found

    return records


@pytest.mark.parametrize("mode", ["RECORDED", "LIVE"])
def test_a_replay_gives_the_same_again_and_nothing_else(josefine, heard, in_log, mode):
    session_id = heard(mode)
    before = in_log(session_id)

    [line], _ = josefine("replay", "--session", session_id, "--format", "json")

    assert (line["equal"], line["changed"], line["new"], line["dead_letters"]) == (True, 0, 0, [])
    assert line["finals"] == line["same"] > 0
    after = in_log(session_id)
    assert after.keys() == before.keys()
    for id_, records in after.items():
        assert len(records) == 2, id_
        first, again = records
        assert {**first, "words": [], "confidence": 0} == {**again, "words": [], "confidence": 0}
    assert in_log(line["replay"]) == {}


@pytest.mark.parametrize("topic", ["audio.frames", "feature.frames", "transcripts"])
def test_a_replay_may_begin_behind_the_audio(josefine, heard, in_log, topic):
    session_id = heard()

    [line], _ = josefine("replay", "--session", session_id, "--topic", topic, "--format", "json")

    assert line["equal"]
    assert set(Counter(map(len, in_log(session_id).values()))) == {2}


def test_another_model_stands_beside(client, josefine, heard, in_log):
    session_id = heard()
    own = client.collector.expect(session_id)
    before = in_log(session_id)

    [line], _ = josefine("replay", "--session", session_id, "--model", "tiny.en", "--format", "json")

    assert (line["variant"], line["model"], line["new"]) == ("tiny.en", "tiny.en", line["finals"])
    after = in_log(session_id)
    beside = {id_: records for id_, records in after.items() if id_ not in before}
    assert {id_: records for id_, records in after.items() if id_ in before} == before
    assert {id_.removesuffix("@tiny.en") for id_ in beside} == before.keys()
    # Who followed the session all the time notices nothing.
    finals = own.finals()
    client.collector.poll(1.0)
    assert own.finals() == finals


def test_all_sessions_of_a_time_are_replayed_and_no_replay_among_them(josefine, heard):
    first = heard()
    josefine("replay", "--session", first, "--no-wait", "--format", "json")
    second = heard()

    lines, _ = josefine("replay", "--topic", "audio.raw", "--from", "beginning", "--format", "json", "--patience", "60")

    assert {first, second} <= {line["session"] for line in lines}
    assert all("~" not in line["session"] for line in lines)


def test_what_cannot_be_replayed_is_a_line(josefine):
    lines, said = josefine("replay", "--session", "nobody", status=1)

    assert lines == []
    assert said == "josefine: nobody: is not on audio.raw\n"
