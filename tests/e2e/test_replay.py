"""Sessions that are heard again from the log, and dead letters that are sent again, as a shell asks for it."""

import json
import time
import uuid
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from josefine_cli.errors import CliError
from josefine_cli.main import app
from josefine_client.chunks import ChunkNumbering, Session
from josefine_client.dead_letters import REQUEUED_HEADER, read_letter
from josefine_client.replay import rewritten
from josefine_client.replay_search import named_sessions
from josefine_client.sessions_in_log import session_record
from josefine_kafka.stretch import LogReader
from josefine_wire.codec import decode
from josefine_wire.records import session_config
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, DEAD_LETTERS, TRANSCRIPTS, UNDERSTANDING

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]


def raw_session(mode):
    return Session(uuid.uuid4().hex, session_config(mode), "linear16", 16_000, 1)


def documents(text):
    """Returns the JSON objects of a text, one after another."""
    found, at = [], 0
    while at < len(text):
        document, end = json.JSONDecoder().raw_decode(text, at)
        found.append(document)
        at = end + 1
    return found


@pytest.fixture
def josefine(client, monkeypatch):
    """Runs a command against the engine; gives its JSON objects and its lines for people."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", client.stack.bootstrap_servers)

    def run(*arguments, status=0, format_="json"):
        done = CliRunner().invoke(app, list(map(str, arguments)))
        said = done.stderr
        if isinstance(done.exception, CliError):
            said += f"josefine: {done.exception}\n"
        elif not isinstance(done.exception, SystemExit | None):
            raise done.exception
        assert done.exit_code == status, said
        return documents(done.stdout) if format_ == "json" else done.stdout, said

    return run


@pytest.fixture
def heard(client, sample_path, one_piece):
    """Has a recording transcribed and gives its session id."""

    def transcribed(mode="RECORDED"):
        session_id = uuid.uuid4().hex
        client.play(one_piece(sample_path("lj001-0001.webm").read_bytes(), session_id, mode))
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


@pytest.fixture
def since():
    """Now: other tests have used the engine before."""
    return datetime.now(UTC).isoformat()


def test_all_sessions_of_a_time_are_replayed_and_no_replay_among_them(josefine, heard, since):
    first = heard()
    josefine("replay", "--session", first, "--no-wait", "--format", "json")
    second = heard()

    lines, _ = josefine("replay", "--topic", "audio.raw", "--from", since, "--format", "json")

    assert {line["session"] for line in lines} == {first, second}
    assert all(line["equal"] for line in lines)


def test_who_speaks_beside_a_replay_notices_nothing(client, josefine, heard, speech):
    replayed, live = heard(), raw_session("LIVE")
    pieces = list(ChunkNumbering(live, "p", 1).chunks(speech.astype("<i2").tobytes(), end=True))
    result = client.collector.expect(live.session_id)
    client.write(pieces[:5], live.session_id)

    [line], _ = josefine("replay", "--session", replayed, "--format", "json")
    client.write(pieces[5:], live.session_id)
    client.wait(live.session_id)

    assert line["equal"]
    assert (result.reason, result.gaps(), result.dead_letters) == ("COMPLETE", [], [])
    # Alone it is heard as it was beside the replay.
    [alone], _ = josefine("replay", "--session", live.session_id, "--format", "json")
    assert (alone["equal"], alone["finals"]) == (True, len(result.finals()))


@pytest.fixture
def cut_off(client):
    """Replays a session without its last record, as if the sender was killed; gives the replay's id."""

    def sent(session_id):
        log = LogReader(client.broker)
        [plan] = named_sessions(log, AUDIO_RAW, [session_id], "", int(time.time() * 1000)).plans
        records = [session_record(raw) for raw in log.between(plan.source.stretches) if raw.key == session_id.encode()]
        client.write([rewritten(AUDIO_RAW, record, plan)[1] for record in records[:-1]], plan.replay_id)
        return plan.replay_id

    return sent


def test_what_has_not_ended_is_not_replayed_and_what_is_cut_off_says_nothing(
    client, josefine, speech, heard, cut_off, in_log
):
    whole = heard()
    before = in_log(whole)
    replay_id = cut_off(whole)
    live = raw_session("LIVE")
    client.collector.expect(live.session_id)
    client.write(ChunkNumbering(live, "p", 1).chunks(speech[:32_000].astype("<i2").tobytes()), live.session_id)

    lines, said = josefine("replay", "--session", live.session_id, status=1)
    client.wait(live.session_id)
    [line], _ = josefine("replay", "--session", live.session_id, "--format", "json")

    assert lines == []
    assert said.startswith(f"josefine: {live.session_id}: has not ended")
    # Ingest has ended it by time-out, and does so again.
    assert (line["equal"], line["end"]) == (True, "IDLE_TIMEOUT")
    # So it has the one that was cut off, whose last words are cut too.
    frames = [decode(AUDIO_FRAMES, raw.value) for raw in LogReader(client.broker).since(AUDIO_FRAMES, "beginning")]
    [end] = [frame["end"] for frame in frames if frame["session_id"] == replay_id and frame["end"]]
    assert end["reason"] == "IDLE_TIMEOUT"
    assert in_log(whole) == before


def test_what_cannot_be_replayed_is_a_line(josefine):
    lines, said = josefine("replay", "--session", "nobody", status=1)

    assert lines == []
    assert said == "josefine: nobody: is not on audio.raw\n"


def test_dead_letters_are_listed_shown_and_sent_again(client, josefine, speech, since):
    session = raw_session("RECORDED")
    samples = speech.astype("<i2").tobytes()
    own, foreign = (list(ChunkNumbering(session, each, 1).chunks(samples, end=True)) for each in ("own", "foreign"))
    junk_key = uuid.uuid4().hex
    client.collector.expect(session.session_id)
    client.write([own[0], foreign[1], *own[1:]], session.session_id)
    client.write([b"junk"], junk_key)
    client.wait(session.session_id)

    [letter], _ = josefine("dlq", "list", "--session", session.session_id, "--format", "json")
    [shown], _ = josefine("dlq", "show", letter["id"])
    unreadable, _ = josefine("dlq", "list", "--code", "unreadable", "--from", since, "--format", "json")
    [junk] = [each for each in unreadable if josefine("dlq", "show", each["id"])[0][0]["key"] == junk_key]
    _, planned = josefine("dlq", "requeue", letter["id"], junk["id"], "--dry-run")
    _, done = josefine("dlq", "requeue", letter["id"], junk["id"], "--yes", format_="text")

    assert (letter["stage"], letter["code"]) == ("ingest", "second_producer")
    assert shown["record"]["producer_id"] == "foreign"
    assert shown["record"]["payload"] == {"bytes": len(foreign[1]["payload"])}
    assert planned.splitlines() == done.splitlines() == [
        f"josefine: replay from audio.raw: {session.session_id}",
        f"josefine: write to audio.raw again: {junk['id']} (unreadable)",
    ]  # fmt: skip
    # What was wrong with them still is, so each is a dead letter again; the words are the same.
    again, _ = josefine("dlq", "list", "--code", "second_producer", "--from", since, "--format", "json")
    assert [each["session_id"].partition("~")[0] for each in again] == [session.session_id] * 2
    letters = [read_letter(raw) for raw in LogReader(client.broker).since(DEAD_LETTERS, "beginning")]
    headers = [each["headers"] for each in letters if each["key"] == junk_key.encode()]
    assert headers == [{}, {REQUEUED_HEADER: junk["id"].encode()}]


def test_a_letter_that_does_not_exist_is_a_line(josefine):
    for command in ("show", "requeue"):
        assert josefine("dlq", command, "ingest/nowhere/0/0", status=1)[1].startswith("josefine: no dead letter ")
