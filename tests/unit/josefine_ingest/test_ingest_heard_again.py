"""A session that hears another one again: its frames are the same, its turn is behind those who speak now."""

import pytest
from made_audio import speechlike
from made_sessions import Stage, chunks, inputs, pieces, start

from josefine_ingest.handler import IngestHandler
from josefine_ingest.limits import IngestLimits
from josefine_wire.records import REPLAY_CUT_OFF, Replay, SessionStart

SAMPLES = speechlike(2.0)


def again(begin: SessionStart, session_id: str = "s", last_sequence: int = -1) -> SessionStart:
    replay = Replay(session_id=session_id, session_started_at=5, variant="base", last_sequence=last_sequence)
    return {**begin, "config": {**begin["config"], "replay": replay}}


def test_it_gives_the_same_frames_and_passes_on_whose_they_are() -> None:
    stage = Stage()
    payloads = list(pieces(SAMPLES.tobytes(), 3_000))
    own, replay = chunks(payloads, start()), chunks(payloads, again(start()), "s~1")
    stage.run(inputs([*own, *replay]))

    frames = stage.frames("s~1")
    names = ("start_sample", "samples", "captured_at", "flush", "end")
    assert [[frame[name] for name in names] for frame in frames] == [
        [frame[name] for name in names] for frame in stage.frames()
    ]
    assert frames[0]["start"]["replay"] == {
        "session_id": "s",
        "session_started_at": 5,
        "variant": "base",
        "last_sequence": -1,
    }


def test_live_speech_that_is_heard_again_waits_for_those_who_speak() -> None:
    stage = Stage(IngestHandler(IngestLimits(turn_s=0.0), clock=lambda: 0.0))
    live = chunks([SAMPLES.tobytes()], start(), "live", end=False)
    replay = chunks([SAMPLES.tobytes()], again(start()), "s~1", end=False)
    stage.run(inputs([*replay, *live]))
    stage.accept(inputs([*chunks_from(replay), *chunks_from(live)], first_offset=2))
    first, *_ = stage.turn()

    assert first.input.key == "live"


def chunks_from(records: list) -> list:
    """Returns the next chunk of a session, a short one."""
    return [{**records[-1], "sequence": 1, "start": None, "payload": SAMPLES[:1_600].tobytes()}]


@pytest.mark.parametrize(("came", "code"), [(1, REPLAY_CUT_OFF), (4, REPLAY_CUT_OFF), (5, None)])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_replay_that_falls_silent_before_its_last_chunk_was_cut_off(
    came: int, code: str | None, restarted: bool
) -> None:
    # The session itself had no end: its replay ends by time-out too, whole or not.
    begin = again(start(), last_sequence=4)
    sent = chunks(list(pieces(SAMPLES.tobytes(), 13_000)), begin, "s~1", end=False)[:came]
    stage = Stage()
    stage.run(inputs(sent))
    if restarted:
        snapshot = stage.handler.snapshot("s~1")
        stage = Stage()
        stage.restore("s~1", snapshot)
        stage.run(inputs(sent, committed=len(sent)))
    stage.turn(passed_s=61)

    [end] = [output.record["end"] for output in stage.unasked if output.record["end"]]
    assert (end["reason"], end["code"]) == ("IDLE_TIMEOUT", code)


@pytest.mark.parametrize("session_id", ["", "a/b", "x" * 129])
def test_the_id_that_results_would_carry_is_checked(session_id: str) -> None:
    stage = Stage()
    stage.run(inputs(chunks([b"\0\0"], again(start(), session_id), "s~1")))

    assert stage.rejections[0].code == "invalid_start"
    assert stage.rejections[0].reason.startswith("start.config.replay.session_id: ")
