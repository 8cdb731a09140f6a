"""What is refused, whether a record, a segment, a session or one stream too many, and what goes on nevertheless."""

import pytest
from handler_kit import EACH_QUARTER, SECOND, TURN, UTTERANCE, kinds, run, told

from josefine_inference.frames import parse
from josefine_inference.mel import MOST_MELS
from josefine_inference.messages import Failed
from josefine_inference.models import Models
from josefine_wire.records import session_config


def test_a_record_after_the_end_is_rejected(kit, make):
    records = kit.frames(UTTERANCE, EACH_QUARTER)
    late = records[-1] | {"sequence": len(records)}
    progress, _ = run(make(), kit.inputs([*records, late]))
    assert progress[-1].rejection.code == "after_end"


def test_a_duplicate_of_the_end_is_not(kit, make):
    records = kit.frames(UTTERANCE, EACH_QUARTER)
    progress, _ = run(make(), kit.inputs([*records, records[-1]]))
    assert progress[-1].rejection is None
    assert kinds(told(progress)) == [("FINAL", 0), ("END", 1)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"log_mel": b"123"}, "log_mel"),
        ({"log_mel": b"\x00\x7c" * 20}, "log_mel"),
        ({"speech_probability": b"1"}, "speech_probability"),
        ({"speech_probability": b""}, "speech_probability"),
        ({"mels": 3, "log_mel": b"\x00" * 6 * 200}, "mels"),
    ],
)
def test_a_record_that_is_no_features_is_rejected_and_leaves_a_gap(kit, make, change, field):
    records = kit.frames(UTTERANCE * 2, range(0, 100 * SECOND, 2 * SECOND))
    records[1] = records[1] | change
    progress, _ = run(make(), kit.inputs(records))
    (rejection,) = [one.rejection for one in progress if one.rejection]
    assert rejection.code == "bad_features"
    assert field in rejection.reason
    assert [gap["reason"] for record in told(progress) for gap in record["gaps"]] == ["missing_frames"]


def test_more_mel_bands_than_any_model_has_are_rejected_and_the_session_goes_on(kit, make, device):
    records = kit.frames(UTTERANCE * 2, range(0, 100 * SECOND, 2 * SECOND))
    most = b"\x00" * 2 * MOST_MELS * 200
    assert parse(records[0] | {"mels": MOST_MELS, "log_mel": most}).log_mel.shape == (200, MOST_MELS)
    records[0] = records[0] | {"mels": 50 * MOST_MELS, "log_mel": most * 50}
    progress, _ = run(make(), kit.inputs(records))
    (rejection,) = [one.rejection for one in progress if one.rejection]
    assert (rejection.code, rejection.reason.split(":")[0]) == ("bad_features", "mels")
    assert {work.log_mel.shape[1] for batch in device.submitted for work in batch.work} == {kit.MELS}
    assert told(progress)[-1]["kind"] == "END"


def test_an_end_that_is_no_features_ends_the_session_all_the_same(kit, make):
    records = kit.frames(UTTERANCE, range(0, 100 * SECOND, SECOND))
    records[-1] = records[-1] | {"log_mel": b"123"}
    handler = make()
    progress, _ = run(handler, kit.inputs(records))
    assert [one.rejection.code for one in progress if one.rejection] == ["bad_features"]
    assert kinds(told(progress)) == [("FINAL", 0), ("END", 1)]
    (gap,) = [gap for record in told(progress) for gap in record["gaps"]]
    heard, total = records[-1]["start_hop"] * 160, records[-1]["end"]["samples"]
    assert gap["start_sample"] == heard
    assert total - 160 < gap["start_sample"] + gap["samples"] <= total
    assert handler.snapshot("s/0").over


def test_a_flush_that_is_no_features_is_answered(kit, make):
    records = kit.frames(UTTERANCE, EACH_QUARTER, flushes=frozenset({8}), end=False)
    records[8] = records[8] | {"speech_probability": b"1"}
    progress, _ = run(make(), kit.inputs(records))
    assert kinds(told(progress))[:2] == [("FINAL", 0), ("FLUSHED", 1)]


def test_beginnings_that_are_no_features_are_not_read_again_after_a_restart(kit, make):
    config = session_config("RECORDED")
    records = kit.frames(UTTERANCE * 2, range(0, 100 * SECOND, SECOND), config=config)
    for number in (0, 1):
        records[number] = records[number] | {"mels": 0}
    first, second = make(), make()
    entries = kit.inputs(records, first_offset=7)
    assert first.snapshot("s/0") is None
    rejected, _ = run(first, entries[:2])
    assert [one.rejection.code for one in rejected] == ["bad_features"] * 2
    snapshot = first.snapshot("s/0")
    assert (snapshot.version, snapshot.over) == (9, False)
    second.restore("s/0", snapshot)
    want, _ = run(first, entries[2:])
    assert told(want)
    assert told(run(second, entries[2:])[0]) == told(want)


def test_a_poisonous_segment_is_rejected_and_the_session_goes_on(kit, make, device):
    def answer(work):
        first, _ = kit.first_and_last_hop(work.log_mel)
        return Failed(work.id, "device_poison", "killed 2") if first < 100 else kit.says_its_hops(work)

    device.answer = answer
    progress, _ = run(make(), kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)))
    (rejected,) = [one for one in progress if one.rejection]
    assert rejected.rejection.code == "device_poison"
    final, end = told(progress)
    assert kinds([final, end]) == [("FINAL", 1), ("END", 2)]
    assert [gap["reason"] for gap in final["gaps"]] == ["poison"]
    assert end["gaps"] == []


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (session_config(model="huge"), "unknown_model"),
        (session_config(model="base"), "unknown_model"),
        (session_config(language="de-DE"), "unsupported_language"),
    ],
)
def test_a_session_that_cannot_be_served_is_told_at_once(kit, make, config, code):
    handler = make(models=Models("tiny.en", ("base",), missing=lambda name: "no weights"))
    progress, _ = run(handler, kit.inputs(kit.frames(UTTERANCE, EACH_QUARTER, config=config)))
    (end,) = told(progress)
    assert (end["reason"], end["error"]["code"]) == ("ERROR", code)
    assert progress[0].outputs
    assert len(progress) == 15
    assert not any(one.rejection for one in progress)
    assert handler.snapshot("s/0").over


def test_a_model_that_is_not_offered_is_answered_with_those_that_are_and_the_mend(kit, make):
    progress, _ = run(make(), kit.inputs(kit.frames(UTTERANCE, config=session_config(model="small"))))
    message = told(progress)[0]["error"]["message"]
    assert "there is tiny.en, base." in message
    assert """JOSEFINE_MODEL=small or JOSEFINE_MODELS='["base", "small"]'""" in message


def other(records, session_id):
    return [record | {"session_id": session_id} for record in records]


def heard(handler, entries):
    handler.restore(entries[0].key, None)
    handler.accept(entries)
    return told(handler.advance(TURN).progress)


def test_one_live_stream_too_many_is_told_at_once_and_slows_nobody(kit, make):
    handler = make(live_streams=1)
    begun = kit.frames(UTTERANCE, EACH_QUARTER)[:2]
    assert not heard(handler, kit.inputs(begun))
    (end,) = heard(handler, kit.inputs(other(begun, "late")))
    assert (end["kind"], end["reason"], end["error"]["code"]) == ("END", "ERROR", "over_capacity")
    assert "1 live streams" in end["error"]["message"]
    recorded = kit.frames(UTTERANCE, EACH_QUARTER, config=session_config("RECORDED"))[:2]
    assert not heard(handler, kit.inputs(other(recorded, "recorded")))
    assert handler.status()["live_streams"] == 1


def test_a_stream_that_was_let_in_before_a_restart_stays_in(kit, make):
    handler = make(live_streams=1)
    begun = kit.frames(UTTERANCE, EACH_QUARTER)[:2]
    assert not heard(handler, kit.inputs(begun))
    assert not heard(handler, kit.inputs(other(begun, "before"), committed=1))
    assert handler.status()["live_streams"] == 2
