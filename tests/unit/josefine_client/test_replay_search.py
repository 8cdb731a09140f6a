import pytest
from replay_kit import HOUR_MS, NOW_MS, ListLog, audio, frames, put_chunk

from josefine_client.replay_search import named_sessions, sessions_between
from josefine_wire.codec import encode
from josefine_wire.topics import AUDIO_FRAMES, AUDIO_RAW, TRANSCRIPTS

REPLAY = {"session_id": "first", "session_started_at": 5, "variant": ""}


def named(log, *sessions, topic=AUDIO_RAW, model=""):
    return named_sessions(log, topic, sessions, model, NOW_MS)


def reasons(found):
    return dict(found.refused)


def put_transcript(log, record, at_ms=NOW_MS):
    log.put(TRANSCRIPTS, f"{record['session_id']}/0".encode(), encode(TRANSCRIPTS, record), at_ms)


def test_a_session_is_found_to_its_end_and_no_other(engine):
    log = ListLog()
    audio(log, "s", pieces=[b"1", b"2", b"3"], model="base")
    audio(log, "other")

    found = named(log, "s")

    [plan] = found.plans
    [(first, last)] = plan.source.stretches.values()
    assert (last - first, plan.model, plan.variant) == (2, "base", "")
    assert plan.replay_id.startswith("s~")
    assert plan.source.started_at_ms == NOW_MS - HOUR_MS - 7
    assert found.refused == []


def test_the_model_of_then_is_asked_for_even_if_the_default_has_changed(engine):
    log = ListLog()
    audio(log)
    put_transcript(log, engine.transcript("FINAL", model="tiny.en"))

    [then], [other] = named(log, "s").plans, named(log, "s", model="base").plans

    assert (then.model, then.variant) == ("tiny.en", "")
    assert (other.model, other.variant) == ("base", "base")


def test_a_transcript_tells_from_where_to_look(engine):
    log = ListLog()
    audio(log, at_ms=NOW_MS - 9 * HOUR_MS)
    audio(log, "t")
    began_ms = NOW_MS - 9 * HOUR_MS - 7
    put_transcript(log, engine.transcript("END", session_started_at=began_ms))
    asked = []
    since = log.since
    log.since = lambda topic, start: asked.append((topic, start)) or since(topic, start)

    assert len(named(log, "s").plans) == 1
    assert asked == [(TRANSCRIPTS, "beginning"), (AUDIO_RAW, began_ms - 5_000)]


def test_each_reason_not_to_replay_is_a_line():
    log = ListLog()
    audio(log, "live", at_ms=NOW_MS - 60_000, end=False)
    audio(log, "vanished", end=False)
    headless = ListLog()
    audio(headless, "headless")
    log.records.append(headless.records[1])

    found = named(log, "nobody", "live", "headless", "vanished")

    assert [plan.source.session_id for plan in found.plans] == ["vanished"]
    assert reasons(found) == {
        "nobody": "is not on audio.raw",
        "live": "has not ended, and something came within 10 minutes: it may be live",
        "headless": "its beginning is no longer on audio.raw",
    }


def test_a_session_without_an_end_is_over_once_its_transcripts_are(engine):
    log = ListLog()
    audio(log, "s", at_ms=NOW_MS - 60_000, end=False)
    put_transcript(log, engine.transcript("END", reason="IDLE_TIMEOUT"))

    assert len(named(log, "s").plans) == 1


def test_the_end_of_a_second_producer_is_none():
    log = ListLog()
    audio(log, "s", at_ms=NOW_MS, pieces=[b"1"], end=False, producer="own")
    audio(log, "s", at_ms=NOW_MS, pieces=[b"1", b"2"], producer="foreign")

    assert "has not ended" in reasons(named(log, "s"))["s"]


def test_the_last_chunk_is_the_last_of_its_own_producer():
    log = ListLog()
    audio(log, "s", pieces=[b"1", b"2", b"3"], end=False, producer="own")
    audio(log, "s", pieces=[b"1"] * 5, producer="foreign")
    put_chunk(log, log.of(AUDIO_RAW, "s")[1])

    [plan] = named(log, "s").plans

    assert plan.source.last_sequence == 2


@pytest.mark.parametrize(("ended", "plans"), [((0, 1), 1), ((0,), 0)])
def test_frames_have_ended_when_every_channel_has(ended, plans):
    log = ListLog()
    frames(log, ended=ended)

    found = named(log, "s", topic=AUDIO_FRAMES)

    assert len(found.plans) == plans
    assert plans or "has no end on audio.frames: replay it from audio.raw" in reasons(found)["s"]


def test_a_range_has_the_sessions_that_begin_in_it():
    log = ListLog()
    old, inside, late = (NOW_MS - hours * HOUR_MS for hours in (9, 3, 1))
    audio(log, "before", at_ms=old, pieces=[b"1"], end=False)
    chunk = log.of(AUDIO_RAW, "before")[0]
    put_chunk(log, {**chunk, "sequence": 1, "start": None, "end": True}, inside)
    audio(log, "inside", at_ms=inside)
    audio(log, "late", at_ms=late)

    found = sessions_between(log, AUDIO_RAW, (NOW_MS - 4 * HOUR_MS, NOW_MS - 2 * HOUR_MS), "", NOW_MS)

    assert [plan.source.session_id for plan in found.plans] == ["inside"]
    assert (found.left_out, found.refused) == (["before"], [])


def test_what_retention_has_taken_is_told_apart_from_what_began_before():
    log = ListLog()
    audio(log, "halved", at_ms=NOW_MS - 5 * HOUR_MS)
    del log.records[0]

    found = sessions_between(log, AUDIO_RAW, (0, NOW_MS), "", NOW_MS)

    assert reasons(found) == {"halved": "its beginning is no longer on audio.raw"}


def test_a_replay_is_not_replayed():
    log = ListLog()
    audio(log, "first")
    audio(log, "again")
    again = log.of(AUDIO_RAW, "again")
    log.records = log.records[:2]
    again[0]["start"]["config"]["replay"] = REPLAY
    for chunk in again:
        put_chunk(log, chunk)

    found = sessions_between(log, AUDIO_RAW, (0, NOW_MS), "", NOW_MS)

    assert [plan.source.session_id for plan in found.plans] == ["first"]
    assert reasons(named(log, "again")) == {"again": "is a replay of first itself: replay that one"}
