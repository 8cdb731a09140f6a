"""What an open segment tells while it is spoken."""

from dataclasses import replace

import pytest
from handler_kit import EACH_QUARTER, SECOND, kinds, run, told

from josefine_wire.records import session_config


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


def test_punctuation_that_two_interims_agree_on_is_no_stable_word(kit, make, device):
    device.answer = lambda work: kit.hypothesis("\xab Bonjour \xbb , dit le chat")
    _, loose = run(make(), kit.inputs(kit.frames([0.9] * 200, EACH_QUARTER)))
    assert [word["word"] for word in loose[1]["words"]] == ["bonjour", "dit", "le", "chat"]
    assert [record["stable_words"] for record in loose[:2]] == [0, 3]


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
