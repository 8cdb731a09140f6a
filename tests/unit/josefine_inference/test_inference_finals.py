"""An utterance is told once, in order, when its device has answered."""

from handler_kit import EACH_QUARTER, TURN, UTTERANCE, kinds, run, told

from josefine_inference.scheduler import BatchLimits
from josefine_wire.codec import encode
from josefine_wire.records import session_config
from josefine_wire.topics import TRANSCRIPTS


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


def test_silence_asks_nothing_of_the_device(kit, make, device):
    progress, _ = run(make(), kit.inputs(kit.frames([0.02] * 300, EACH_QUARTER)))
    assert kinds(told(progress)) == [("END", 0)]
    assert not device.submitted


def test_a_text_that_is_not_believed_is_not_told_but_counted(kit, make, device):
    device.answer = lambda work: kit.hypothesis("Thank you.", average_logprob=-1.5, no_speech_probability=0.9)
    progress, loose = run(make(), kit.inputs(kit.frames(UTTERANCE, EACH_QUARTER)))
    assert kinds(told(progress)) == [("END", 1)]
    assert not loose


def test_duplicates_are_done_and_change_nothing(kit, make):
    records = kit.frames(UTTERANCE * 2, EACH_QUARTER)
    doubled = [record for record in records for _ in range(2)]
    progress, _ = run(make(), kit.inputs(doubled))
    assert len(progress) == len(doubled)
    assert kinds(told(progress)) == [("FINAL", 0), ("FINAL", 1), ("END", 2)]


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
    final, answer = told(progress)
    assert (final["speech_final"], final["flushed"], answer["kind"]) == (True, True, "FLUSHED")
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
