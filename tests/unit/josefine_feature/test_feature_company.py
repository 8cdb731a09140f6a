"""Recordings wait for each other, and nobody else does."""

import msgpack

from josefine_feature.company import ENOUGH_CHANNELS, LONGEST_S
from josefine_feature.session import Session, is_urgent, pack, unpack
from josefine_speech.features import SILENT
from josefine_stage.handler import Snapshot
from josefine_wire.records import Replay, session_config


def recorded(log, speech, session, **more):
    return log.frame(speech[:1_600], session, mode="RECORDED", **more)


def test_recordings_wait_for_others_and_not_for_long(stage, log, speech):
    stage.give([recorded(log, speech, "a")])
    assert stage.turn(1.0) == []
    stage.give([recorded(log, speech, "b")])
    assert stage.turn(1.0 + LONGEST_S / 2) == []
    assert stage.handler.busy()
    assert len(stage.turn(1.0 + LONGEST_S)) == 2
    stage.give([log.frame(speech[1_600:3_200], "a")])
    assert stage.turn(2.0) == []


def test_nobody_waits_for_those_who_wait(stage, log, speech):
    stage.give([recorded(log, speech, "a"), log.frame(speech[:1_600], "live")])
    assert len(stage.turn(1.0)) == 2
    stage.give([log.frame(speech[1_600:3_200], "live")])
    assert len(stage.turn(1.0)) == 1


def test_enough_do_not_wait(stage, log, speech, make_stage, extractor):
    stage.give([recorded(log, speech, str(number)) for number in range(ENOUGH_CHANNELS)])
    assert len(stage.turn(1.0)) == ENOUGH_CHANNELS
    small = make_stage(extractor, slice_samples=1_000)
    small.give([recorded(log, speech, "long")])
    assert len(small.turn(1.0)) == 1


def test_what_comes_after_the_end_is_answered_at_once(stage, log, speech):
    stage.give([recorded(log, speech, "a", end=True)])
    stage.turn(1.0)
    stage.turn(1.0 + LONGEST_S)
    stage.give([log.frame(speech[:1_600], "a")])
    assert [each.rejection.code for each in stage.turn(2.0)] == ["after_end"]


def test_a_restored_recording_is_still_one(stage, log, speech):
    log.frame(speech[:1_600], "a")
    state = pack(Session(1, "", Session().stream._replace(position=1_600), urgent=False))
    stage.handler.restore("a/0", Snapshot(1, state))
    stage.handler.accept([log.frame(speech[1_600:3_200], "a")])
    assert stage.turn(1.0) == []


def test_speech_that_is_heard_again_is_in_no_hurry():
    replay = Replay(session_id="s", variant="", last_sequence=3)
    assert is_urgent(session_config("LIVE"))
    assert not is_urgent(session_config("LIVE") | {"replay": replay})
    assert not is_urgent(session_config("RECORDED"))


def test_states_of_the_format_before_are_of_those_who_wait():
    assert unpack(msgpack.packb([1, 5, "after_end"])) == Session(5, "after_end")
    assert unpack(msgpack.packb([1, 5, 0, b"", SILENT])) == Session(5)
