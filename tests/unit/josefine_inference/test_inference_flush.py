"""Every flush mark is answered once, behind the final that it closed."""

import pytest
from handler_kit import EACH_QUARTER, UTTERANCE, kinds, run, told

from josefine_inference.messages import Failed
from josefine_wire.codec import decode, encode
from josefine_wire.records import session_config
from josefine_wire.topics import TRANSCRIPTS

SPEECH = [0.9] * 60
QUIET = [0.02] * 60


def flushed(kit, probabilities, *marks, **changes):
    return kit.inputs(kit.frames(probabilities, EACH_QUARTER, flushes=frozenset(marks), **changes))


def test_the_answer_stands_in_one_unit_with_the_final_that_it_closed(kit, make):
    entries = flushed(kit, SPEECH, 3)
    progress, _ = run(make(), entries)
    (answered,) = [one for one in progress if one.input.offset == 3]
    final, answer = told([answered])
    assert kinds([final, answer]) == [("FINAL", 0), ("FLUSHED", 1)]
    assert (final["flushed"], answer["flushed"]) == (True, False)
    heard = entries[3].record["start_hop"] + len(entries[3].record["log_mel"]) // 4
    assert answer["start_sample"] == answer["end_sample"] == heard * 160 == final["end_sample"]
    assert (answer["id"], answer["revision"], answer["text"], answer["words"]) == ("s/0/flush/3", 0, "", [])
    assert answer["captured_at"] == entries[3].record["captured_at"]
    assert decode(TRANSCRIPTS, encode(TRANSCRIPTS, answer)) == answer


def test_it_comes_alone_where_nothing_was_open(kit, make, device):
    progress, _ = run(make(), flushed(kit, QUIET, 1, 2))
    assert kinds(told(progress)) == [("FLUSHED", 0), ("FLUSHED", 0), ("END", 0)]
    assert [record["id"] for record in told(progress)] == ["s/0/flush/1", "s/0/flush/2", "s/0/end"]
    assert not device.submitted


def test_an_endpoint_before_the_mark_is_no_flush(kit, make):
    progress, _ = run(make(), flushed(kit, UTTERANCE + QUIET, 16))
    final, answer, _ = told(progress)
    assert kinds([final, answer]) == [("FINAL", 0), ("FLUSHED", 1)]
    assert not final["flushed"]


def test_it_comes_alone_where_the_text_is_not_believed(kit, make, device):
    device.answer = lambda work: kit.hypothesis("Thank you.", average_logprob=-1.5, no_speech_probability=0.9)
    progress, _ = run(make(), flushed(kit, SPEECH, 3))
    assert kinds(told(progress)) == [("FLUSHED", 1), ("END", 2)]


def test_it_comes_alone_where_the_segment_cannot_be_decoded(kit, make, device):
    device.answer = lambda work: Failed(work.id, "device_poison", "two children died")
    progress, _ = run(make(), flushed(kit, SPEECH, 3, end=False))
    (answered,) = [one for one in progress if one.input.offset == 3]
    assert kinds(told([answered])) == [("FLUSHED", 1)]
    assert answered.rejection.code == "device_poison"


def test_it_does_not_overtake_a_final_that_waits_for_the_device(kit, make, device):
    device.held = True
    handler = make()
    # The endpoint closes the segment records before the mark, at which nothing is open.
    progress, _ = run(handler, flushed(kit, UTTERANCE + QUIET, 16, end=False))
    assert told(progress) == []
    device.held = False
    progress, _ = run(handler, [])
    assert kinds(told(progress)) == [("FINAL", 0), ("FLUSHED", 1)]
    assert [one.input.offset for one in progress][-1] == 16


def test_what_is_heard_meanwhile_does_not_change_the_answer(kit, make, device):
    device.held = True
    handler = make()
    entries = flushed(kit, SPEECH * 2, 3, end=False)
    run(handler, entries)
    device.held = False
    progress, _ = run(handler, [])
    answer = told(progress)[1]
    assert (answer["segment"], answer["end_sample"]) == (1, told(progress)[0]["end_sample"])


def test_a_repeated_mark_and_one_whose_answer_is_durable_have_none(kit, make):
    entries = flushed(kit, SPEECH, 3, end=False)
    handler = make()
    assert kinds(told(run(handler, entries)[0])) == [("FINAL", 0), ("FLUSHED", 1)]
    assert told(run(handler, kit.inputs([entry.record for entry in entries], 10))[0]) == []
    handler.forget(["s/0"])
    handler.restore("s/0", None)
    again = kit.inputs([entry.record for entry in entries], committed=4)
    assert told(run(handler, again)[0]) == []


@pytest.mark.parametrize(("variant", "suffix"), [("", ""), ("base", "@base")])
def test_a_session_that_is_heard_again_has_the_answers_of_the_first(kit, device, variant, suffix):
    replay = {"session_id": "s", "session_started_at": 5, "variant": variant, "last_sequence": 9}
    handler = kit.handler(device)
    handler.restore("s~1/0", None)
    config = session_config() | {"replay": replay}
    progress, _ = run(handler, flushed(kit, SPEECH, 3, session="s~1", config=config))
    assert [record["id"] for record in told(progress)][:2] == [f"s/0/0/final{suffix}", f"s/0/flush/3{suffix}"]
