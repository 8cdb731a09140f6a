"""What was not heard is told once."""

from handler_kit import EACH_QUARTER, UTTERANCE, kinds, run, told

from josefine_wire.records import Gap


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
