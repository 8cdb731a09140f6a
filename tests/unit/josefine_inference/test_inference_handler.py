import json
from dataclasses import replace

import pytest

from josefine_inference.channel import ChannelOptions
from josefine_inference.messages import Failed
from josefine_inference.models import Models
from josefine_inference.scheduler import BatchLimits
from josefine_stage.handler import Turn
from josefine_wire.codec import encode
from josefine_wire.records import Gap, session_config
from josefine_wire.topics import TRANSCRIPTS

TURN = Turn(now_s=0.0)
UTTERANCE = [0.01] * 20 + [0.9] * 60 + [0.01] * 30
SECOND = 16_000
EACH_QUARTER = range(0, 100 * SECOND, SECOND // 4)


@pytest.fixture
def make(kit, device):
    def made(**changes):
        handler = kit.handler(device, **changes)
        handler.restore("s/0", None)
        return handler

    return made


def run(handler, entries, turns=4):
    """Gives the inputs one by one and returns progress and loose transcripts."""
    progress, loose = [], []
    for entry in entries:
        handler.accept([entry])
        step = handler.advance(TURN)
        progress += step.progress
        loose += [output.record for output in step.loose]
    for _ in range(turns):
        step = handler.advance(TURN)
        progress += step.progress
        loose += [output.record for output in step.loose]
    return progress, loose


def told(progress):
    return [output.record for one in progress for output in one.outputs]


def kinds(records):
    return [(record["kind"], record["segment"]) for record in records]


def test_two_utterances_give_two_finals_and_an_end(kit, make):
    progress, _ = run(make(), kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)))
    first, second, end = told(progress)
    assert kinds([first, second, end]) == [("FINAL", 0), ("FINAL", 1), ("END", 2)]
    assert first["id"] == "s/0/0/final"
    assert end["id"] == "s/0/end"
    assert first["words"][0]["word"] == f"from{first['start_sample'] // 160}"
    assert first["text"] == f"from{first['start_sample'] // 160} to{first['end_sample'] // 160}."
    assert first["stable_words"] == 2
    assert first["speech_final"]
    assert end["end_sample"] == len(UTTERANCE) * 2 * 512
    assert end["reason"] == "COMPLETE"


def test_every_transcript_follows_the_schema(kit, make):
    progress, loose = run(make(), kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)))
    for record in told(progress) + loose:
        assert encode(TRANSCRIPTS, record)


def test_every_input_is_done_once(kit, make):
    entries = kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER))
    progress, _ = run(make(), entries)
    assert sorted(one.input.offset for one in progress if one.done) == [entry.offset for entry in entries]


def test_an_input_waits_for_its_final_and_the_others_do_not(kit, make, device):
    device.held = True
    handler = make()
    progress, _ = run(handler, kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)))
    waiting = set(range(29)) - {one.input.offset for one in progress}
    assert len(waiting) == 3  # of two finals and the end
    assert handler.busy()
    device.held = False
    rest, _ = run(handler, [])
    assert {one.input.offset for one in rest} == waiting
    assert not handler.busy()


def test_a_later_segment_waits_for_an_earlier_one(kit, make, device):
    device.held = True
    handler = make(batches=BatchLimits(100, 1, 0.0, 100))
    entries = kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER, config=session_config(interim_results=False)))
    run(handler, entries)
    device.batches.rotate(1)
    device.held = False
    progress, _ = run(handler, [])
    assert kinds(told(progress)) == [("FINAL", 0), ("FINAL", 1), ("END", 2)]


def test_interims_come_each_second_and_agree(kit, make):
    long = [0.01] * 20 + [0.9] * 300 + [0.01] * 30
    progress, loose = run(make(), kit.inputs(kit.frames(long, EACH_QUARTER)))
    assert 6 <= len(loose) <= 10
    assert {record["kind"] for record in loose} == {"INTERIM"}
    revisions = [record["revision"] for record in loose]
    assert revisions == sorted(set(revisions))
    assert loose[0]["id"] == f"s/0/0/{revisions[0]}"
    assert loose[0]["stable_words"] == 0
    assert loose[1]["stable_words"] == 1
    assert told(progress)[0]["revision"] > revisions[-1]


def test_agreed_words_are_the_next_prefix(kit, make, device):
    run(make(), kit.inputs(kit.frames([0.9] * 200, EACH_QUARTER)))
    prefixes = [work.prefix for batch in device.submitted for work in batch.work]
    assert prefixes[:2] == [(), ()]
    assert prefixes[2] == ("from0",)


def test_no_interim_of_a_closed_segment(kit, make, device):
    device.held = True
    handler = make()
    long = [0.9] * 200 + [0.01] * 30
    run(handler, kit.inputs(kit.frames(long, EACH_QUARTER)))
    device.held = False
    _, loose = run(handler, [])
    assert not loose


HARDLY_SPEECH = [0.6] * 2 + [0.4] * 430
COUGH = [0.9] * 2 + [0.05] * 425


@pytest.mark.parametrize(("before", "endpointing_ms"), [(HARDLY_SPEECH, 0), (COUGH, 15_000)])
@pytest.mark.parametrize("busy_records", [0, 81, 85])
def test_an_open_segment_whose_beginning_is_dropped_is_heard_from_its_new_one(
    kit, make, device, before, endpointing_ms, busy_records
):
    """A cut at the length limit whose first part has too little speech for a segment."""
    device.rooms = 0
    handler = make()
    config = session_config(endpointing_ms=endpointing_ms)
    entries = kit.inputs(kit.frames(before + [0.9] * 260, EACH_QUARTER, config=config))
    run(handler, entries[:busy_records])
    device.rooms = 2
    progress, loose = run(handler, entries[busy_records:])
    final, end = told(progress)
    assert kinds([final, end]) == [("FINAL", 0), ("END", 1)]
    assert final["start_sample"] > 10 * SECOND
    assert loose[-1]["start_sample"] == final["start_sample"]


def test_a_record_that_is_durable_already_makes_interims_stale_too(kit, make, device):
    device.rooms = 0
    handler = make()
    entries = kit.inputs(kit.frames(([0.9] * 120 + [0.01] * 30) * 2, EACH_QUARTER))
    run(handler, [replace(entry, committed=entry.offset > 12) for entry in entries])
    device.rooms = 2
    _, loose = run(handler, [])
    assert not loose
    assert not handler.busy()


@pytest.mark.parametrize("config", [session_config("RECORDED"), session_config(interim_results=False)])
def test_sessions_without_interims(kit, make, config):
    progress, loose = run(make(), kit.inputs(kit.frames([0.9] * 300, EACH_QUARTER, config=config)))
    assert not loose
    assert kinds(told(progress))[-1][0] == "END"


def test_silence_asks_nothing_of_the_device(kit, make, device):
    progress, _ = run(make(), kit.inputs(kit.frames([0.02] * 300, EACH_QUARTER)))
    assert kinds(told(progress)) == [("END", 0)]
    assert not device.submitted


def test_a_text_that_is_not_believed_is_not_told_but_counted(kit, make, device):
    device.answer = lambda work: kit.hypothesis("Thank you.", average_logprob=-1.5, no_speech_probability=0.9)
    progress, loose = run(make(), kit.inputs(kit.frames(UTTERANCE, EACH_QUARTER)))
    assert kinds(told(progress)) == [("END", 1)]
    assert not loose


def test_gaps_are_told_once_with_the_next_final_or_the_end(kit, make):
    gap = Gap(start_sample=0, samples=160, reason="missing_chunks")
    late = Gap(start_sample=99, samples=160, reason="decode_error")
    records = kit.frames(UTTERANCE * 2, EACH_QUARTER, gaps={0: [gap], 27: [late]})
    progress, _ = run(make(), kit.inputs(records))
    first, second, end = told(progress)
    assert (first["gaps"], second["gaps"], end["gaps"]) == ([gap], [], [late])


def test_gaps_of_an_unbelieved_segment_go_to_the_next_transcript(kit, make, device):
    device.answer = lambda work: kit.hypothesis("")
    gap = Gap(start_sample=0, samples=160, reason="missing_chunks")
    progress, _ = run(make(), kit.inputs(kit.frames(UTTERANCE, EACH_QUARTER, gaps={0: [gap]})))
    assert told(progress)[-1]["gaps"] == [gap]


def test_a_hole_in_the_frames_is_a_gap(kit, make):
    records = kit.frames(UTTERANCE * 2, EACH_QUARTER)
    del records[5:8]
    progress, _ = run(make(), kit.inputs(records))
    (gap,) = [gap for record in told(progress) for gap in record["gaps"]]
    assert gap["reason"] == "missing_frames"
    assert gap["start_sample"] == records[5]["start_hop"] * 160 - gap["samples"]
    assert kinds(told(progress))[-1] == ("END", 3)


def test_a_hole_that_the_stage_before_tells_of_is_told_once(kit, make):
    records = kit.frames(UTTERANCE * 2, EACH_QUARTER)
    del records[5:8]
    gap = Gap(start_sample=20_000, samples=12_000, reason="missing_chunks")
    records[5] = records[5] | {"gaps": [gap]}
    progress, _ = run(make(), kit.inputs(records))
    assert [one for record in told(progress) for one in record["gaps"]] == [gap]


def test_a_session_that_begins_in_the_middle_goes_on_with_a_gap(kit, make):
    progress, _ = run(make(), kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)[6:]))
    assert told(progress)[0]["gaps"][0]["start_sample"] == 0
    assert kinds(told(progress))[-1] == ("END", 2)


def test_duplicates_are_done_and_change_nothing(kit, make):
    records = kit.frames(UTTERANCE * 2, EACH_QUARTER)
    doubled = [record for record in records for _ in range(2)]
    progress, _ = run(make(), kit.inputs(doubled))
    assert len(progress) == len(doubled)
    assert kinds(told(progress)) == [("FINAL", 0), ("FINAL", 1), ("END", 2)]


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


def test_another_model_and_language_make_a_batch_of_their_own(kit, make, device):
    run(make(), kit.inputs(kit.frames(UTTERANCE, config=session_config(model="base", language="de-CH"))))
    assert (device.submitted[0].model, device.submitted[0].language) == ("base", "de")


def test_an_end_with_an_error_carries_it(kit, make):
    (record,) = kit.frames([0.0] * 10)
    record["end"] = record["end"] | {"reason": "ERROR", "code": "bad_audio", "message": "byte 7"}
    progress, _ = run(make(), kit.inputs([record]))
    (end,) = told(progress)
    assert (end["reason"], end["error"]) == ("ERROR", {"code": "bad_audio", "message": "byte 7"})


def test_flush_gives_the_final_at_once(kit, make):
    records = kit.frames([0.9] * 60, EACH_QUARTER, flushes=frozenset({3}), end=False)
    progress, _ = run(make(), kit.inputs(records))
    (final,) = told(progress)
    assert final["speech_final"]
    assert final["end_sample"] == (records[3]["start_hop"] + len(records[3]["log_mel"]) // 4) * 160


def test_inputs_that_are_durable_ask_nothing_of_the_device(kit, make, device):
    records = kit.frames(UTTERANCE * 2, EACH_QUARTER)
    progress, loose = run(make(), kit.inputs(records, committed=len(records)))
    assert len(progress) == len(records)
    assert not told(progress)
    assert not loose
    assert not device.submitted


def test_forgotten_work_is_not_told(kit, make, device):
    device.held = True
    handler = make()
    handler.accept(kit.inputs(kit.frames(UTTERANCE, EACH_QUARTER)))
    handler.advance(TURN)
    assert handler.busy()
    handler.forget(["s/0", "unknown/0"])
    assert not handler.busy()
    device.held = False
    assert not handler.advance(TURN).progress
    assert handler.snapshot("s/0") is None


def test_full_by_the_mel_that_waits_for_the_device(kit, make, device):
    device.held = True
    handler = make(held_bytes=900)
    records = kit.frames(UTTERANCE, EACH_QUARTER, config=session_config(interim_results=False))
    handler.accept(kit.inputs(records[:8]))
    handler.advance(TURN)
    assert not handler.full()  # an open segment: only reading on can end it
    handler.accept(kit.inputs(records)[8:])
    assert handler.full()
    device.held = False
    run(handler, [])
    assert not handler.full()


def test_mel_is_kept_for_the_open_segment_only(kit, make):
    handler = make(channel=ChannelOptions("tiny.en"))
    handler.accept(kit.inputs(kit.frames([0.01] * 3000, EACH_QUARTER)))
    held = sum(channel.held_bytes for channel in handler._channels.values())
    assert held <= 4 * (100 + 30)


def test_status_counts_the_windows_of_each_kind(kit, make, device):
    handler = make()
    run(handler, kit.inputs(kit.frames(UTTERANCE * 2, EACH_QUARTER)))
    interims = sum(not work.word_times for batch in device.submitted for work in batch.work)
    none = {"final_live": 0, "interim": 0, "final_recorded": 0}
    assert handler.status()["windows_decoded"] == none | {"final_live": 2, "interim": interims}
    assert handler.status()["windows_failed"] == none
    device.answer = lambda work: Failed(work.id, "refused", "told to")
    handler.restore("t/0", None)
    run(handler, kit.inputs(kit.frames(UTTERANCE, session="t", config=session_config("RECORDED"))))
    assert handler.status()["windows_failed"] == none | {"final_recorded": 1}


def test_status_and_readiness_are_the_devices(make, device):
    handler = make()
    assert handler.ready()
    status = handler.status()
    counts = {"restarts": 0, "batches": 0, "audio_s": 0.0, "busy_s": 0.0}
    stands = {"state": "working", "reason": "", "health": {"healthy": True, "temperature_celsius": 40}}
    (line,) = json.loads(json.dumps(status["devices"]))
    line["health"] = {name: value for name, value in line["health"].items() if value not in (None, "")}
    assert line == {"device": "scripted", "pid": 7} | counts | stands
    assert status["fault_injection"] is False
    assert (status["sessions"], status["windows_waiting"], status["held_bytes"]) == (1, 0, 0)
    handler.close()
    assert device.closed
