"""What becomes of frames: features, duplicates, holes, dead letters."""

import msgpack
import pytest

from josefine_feature.session import unpack
from josefine_speech.features import SILENT
from josefine_stage.errors import SnapshotUnreadableError
from josefine_stage.handler import Snapshot
from josefine_wire.records import Gap


def codes(progress):
    return [p.rejection.code if p.rejection else None for p in progress]


def test_every_frame_gives_one_with_its_number_and_particulars(stage, log, speech, heard):
    frames = [log.frame(speech[i * 1_600 : (i + 1) * 1_600], flush=i == 2, end=i == 4) for i in range(5)]
    progress = stage.run(*frames)
    records = heard(progress).records
    assert [p.input for p in progress] == frames
    assert all(p.done and len(p.outputs) == 1 for p in progress)
    assert [record["sequence"] for record in records] == [0, 1, 2, 3, 4]
    assert [record["captured_at"] for record in records] == [5_000, 5_001, 5_002, 5_003, 5_004]
    assert [record["flush"] for record in records] == [False, False, True, False, False]
    assert records[0]["start"]["metadata"] == {"call": "7"}
    assert [record["start"] for record in records[1:]] == [None] * 4
    assert records[4]["end"]["samples"] == 8_000
    assert {record["mels"] for record in records} == {80}


def test_positions_follow_each_other_and_cover_the_channel(stage, log, speech, heard):
    sizes = [1, 0, 150, 49, 1, 4_000, 0, 799]
    frames, place = [], 0
    for i, size in enumerate(sizes):
        frames.append(log.frame(speech[place : place + size], end=i == len(sizes) - 1))
        place += size
    records = heard(stage.run(*frames)).records
    hop = window = 0
    for record in records:
        assert (record["start_hop"], record["start_window"]) == (hop, window)
        hop += len(record["log_mel"]) // 160
        window += len(record["speech_probability"]) // 2
    assert (hop, window) == (-(-5_000 // 160), -(-5_000 // 512))


def test_a_channel_of_one_sample_and_one_of_none(stage, log, heard):
    progress = stage.run(log.frame([900], end=True), log.frame([], "empty", end=True))
    assert (heard(progress).hops, heard(progress).windows) == (1, 1)
    assert heard(progress, "empty/0").records[0]["end"]["samples"] == 0
    assert heard(progress, "empty/0").hops == 0


def test_duplicates_give_nothing(stage, log, speech, heard):
    first, second = log.frame(speech[:1_600]), log.frame(speech[1_600:3_200])
    again = log.frame(speech[:1_600], sequence=0, start_sample=0)
    progress = stage.run(first, second, again)
    assert codes(progress) == [None] * 3
    assert {p.input: len(p.outputs) for p in progress} == {first: 1, second: 1, again: 0}
    more = stage.run(log.frame(speech[3_200:4_800], sequence=2, start_sample=3_200))
    assert heard(more).records[0]["gaps"] == []


def test_a_missing_frame_is_silence_and_a_gap(stage, make_stage, extractor, log, make_log, speech, heard):
    told = Gap(start_sample=900, samples=100, reason="decode_error")
    stage.give([log.frame(speech[:1_600]), log.frame(speech[3_600:9_600], sequence=2, start_sample=3_600, gaps=[told])])
    got = heard(stage.finish())
    assert got.records[1]["gaps"] == [Gap(start_sample=1_600, samples=2_000, reason="missing_frames"), told]
    silenced = speech[:9_600].copy()
    silenced[1_600:3_600] = 0
    want = heard(make_stage(extractor).run(make_log().frame(silenced)))
    assert (got.columns, got.probabilities) == (want.columns, want.probabilities)


def test_a_gap_that_the_frame_tells_is_not_told_twice(stage, log, speech, heard):
    told = Gap(start_sample=1_600, samples=2_000, reason="missing_chunks")
    frames = log.frame(speech[:1_600]), log.frame(speech[:99], start_sample=3_600, gaps=[told])
    assert heard(stage.run(*frames)).records[1]["gaps"] == [told]


def test_a_hole_in_the_numbers_without_missing_audio_is_no_gap(stage, log, speech, heard):
    frames = log.frame(speech[:1_600]), log.frame(speech[1_600:3_200], sequence=5)
    records = heard(stage.run(*frames)).records
    assert [record["sequence"] for record in records] == [0, 5]
    assert records[1]["gaps"] == []


def test_a_long_gap_is_jumped_over(stage, log, speech, heard):
    far = 3_600 * 16_000 * 3
    frames = [
        log.frame(speech[:8_000]),
        log.frame(speech[:8_000], sequence=4, start_sample=far),
        log.frame(speech[8_000:9_000], end=True),
    ]
    progress = stage.run(*frames)
    records = heard(progress).records
    assert [len(p.outputs) for p in progress] == [1, 1, 1]
    assert records[1]["gaps"] == [Gap(start_sample=8_000, samples=far - 8_000, reason="missing_frames")]
    assert records[1]["start_hop"] == (far - 200) // 160 + 1
    assert len(records[1]["log_mel"]) < 60 * 160
    last = records[2]
    assert last["start_hop"] + len(last["log_mel"]) // 160 == -(-(far + 9_000) // 160)


def test_audio_that_begins_late_is_a_gap(stage, log, speech, heard):
    (record,) = heard(stage.run(log.frame(speech[:1_600], start_sample=16_000))).records
    assert record["gaps"] == [Gap(start_sample=0, samples=16_000, reason="missing_frames")]
    assert record["start_hop"] == 0


@pytest.mark.parametrize(
    ("code", "word", "change"),
    [
        ("bad_samples", "samples: 3 bytes", {"samples": b"abc"}),
        ("bad_samples", "more than 60 s", {"samples": bytes(2 * 16_000 * 60 + 2)}),
        ("bad_position", "start_sample: -1", {"start_sample": -1}),
        ("bad_position", "start_sample: 7 is before", {"start_sample": 7}),
        ("bad_position", "gaps", {"gaps": [Gap(start_sample=-5, samples=1, reason="missing_chunks")]}),
        ("bad_sequence", "sequence: -2", {"sequence": -2}),
    ],
)
def test_a_wrong_frame_is_rejected_and_the_channel_goes_on(stage, log, speech, heard, code, word, change):
    first, wrong, next_ = (
        log.frame(speech[:1_600]),
        log.frame(speech[1_600:3_200]),
        log.frame(speech[3_200:4_800], end=True),
    )
    wrong.record.update(change)
    progress = {p.input: p for p in stage.run(first, wrong, next_)}
    assert progress[wrong].rejection.code == code
    assert word in progress[wrong].rejection.reason
    assert progress[wrong].outputs == ()
    (record,) = (output.record for output in progress[next_].outputs)
    assert record["gaps"] == [Gap(start_sample=1_600, samples=1_600, reason="missing_frames")]
    assert record["end"] is not None


def test_a_wrong_frame_still_begins_its_channel(stage, log, speech, heard):
    first, next_ = log.frame(speech[:1_600]), log.frame(speech[1_600:3_200])
    first.record["samples"] += b"?"
    progress = {p.input: p for p in stage.run(first, next_)}
    assert progress[first].rejection.code == "bad_samples"
    records = heard([progress[first], progress[next_]]).records
    assert records[0]["start"] == first.record["start"]
    assert records[0]["log_mel"] == records[0]["speech_probability"] == b""
    assert records[1]["gaps"] == [Gap(start_sample=0, samples=1_600, reason="missing_frames")]


@pytest.mark.parametrize(
    ("code", "word", "end_samples", "total", "change"),
    [
        ("bad_samples", "samples: 3 bytes", 3_200, 3_200, {"samples": b"abc"}),
        ("bad_samples", "samples: 3 bytes", 5, 1_601, {"samples": b"abc"}),
        ("bad_position", "end.samples: -4", -4, 3_200, {}),
        ("bad_position", "start_sample: 7", 3_200, 3_200, {"start_sample": 7}),
        ("bad_position", "start_sample: 7", 5, 1_607, {"start_sample": 7}),
        ("bad_position", "start_sample: -7", 5, 1_600, {"start_sample": -7}),
    ],
)
def test_a_wrong_frame_still_ends_its_channel(
    stage, make_stage, make_log, extractor, log, speech, heard, code, word, end_samples, total, change
):
    first, last = log.frame(speech[:1_600]), log.frame(speech[1_600:3_200], end=True)
    last.record.update(end={**last.record["end"], "samples": end_samples}, **change)
    progress = {p.input: p for p in stage.run(first, last)}
    assert progress[last].rejection.code == code
    assert word in progress[last].rejection.reason
    found = heard([progress[first], progress[last]])
    end = found.records[-1]
    assert end["end"] == {**last.record["end"], "samples": total}
    missing = total - 1_600
    want_gaps = [Gap(start_sample=1_600, samples=missing, reason="missing_frames")] if missing else []
    assert end["gaps"] == want_gaps
    silent = make_log().frame(speech[:1_600].tobytes() + bytes(2 * missing), end=True)
    want = heard(make_stage(extractor).run(silent))
    assert (found.columns, found.probabilities) == (want.columns, want.probabilities)
    assert codes(stage.run(log.frame(speech[:9]))) == ["after_end"]
    assert codes(stage.run(last)) == [None]


def test_a_wrong_end_far_behind_ends_its_channel_there(stage, log, speech, heard):
    first, last = log.frame(speech[:1_600]), log.frame(b"", end=True)
    far = 1_600 + 40 * 16_000
    last.record.update(end={**last.record["end"], "samples": far}, samples=b"abc")
    progress = {p.input: p for p in stage.run(first, last)}
    (record,) = heard([progress[last]]).records
    assert record["end"]["samples"] == far
    assert record["gaps"] == [Gap(start_sample=1_600, samples=far - 1_600, reason="missing_frames")]


def test_a_session_of_one_wrong_frame_begins_and_ends(stage, log, speech, heard):
    only = log.frame(speech[:1_600], end=True)
    only.record["samples"] += b"?"
    (progress,) = stage.run(only)
    assert progress.rejection.code == "bad_samples"
    (record,) = heard([progress]).records
    assert record["start"] == only.record["start"]
    assert record["end"]["samples"] == 1_600
    assert record["gaps"] == [Gap(start_sample=0, samples=1_600, reason="missing_frames")]
    assert stage.handler.snapshot("s/0").over


def test_a_wrong_frame_still_flushes_its_channel(stage, log, speech, heard):
    first, wrong, next_ = log.frame(speech[:1_600]), log.frame(speech[:1_600]), log.frame(speech[:1_600], end=True)
    wrong.record.update(samples=b"abc", flush=True)
    progress = {p.input: p for p in stage.run(first, wrong, next_)}
    assert progress[wrong].rejection.code == "bad_samples"
    records = heard([progress[each] for each in (first, wrong, next_)]).records
    assert [record["flush"] for record in records] == [False, True, False]
    assert records[2]["gaps"] == [Gap(start_sample=1_600, samples=1_600, reason="missing_frames")]


def test_a_session_whose_beginning_is_lost(stage, log, speech):
    frames = [log.frame(speech[:1_600], sequence=number, start_sample=number * 1_600) for number in (3, 4)]
    assert codes(stage.run(*frames)) == ["unknown_session"] * 2
    assert stage.handler.snapshot("s/0").over
    assert codes(stage.run(log.frame(speech[:1_600]))) == ["unknown_session"]


def test_frames_after_the_end(stage, log, speech, make_stage, extractor):
    last = log.frame(speech[:1_600], end=True)
    late, again = log.frame(speech[:1_600]), log.frame(speech[:1_600], sequence=0, start_sample=0)
    progress = {p.input: p for p in stage.run(last, late, again)}
    assert progress[late].rejection.code == "after_end"
    assert progress[again].rejection is None
    tombstone = stage.handler.snapshot("s/0")
    assert tombstone.over
    assert tombstone.version == again.offset + 1
    assert len(tombstone.state) < 32
    later = make_stage(extractor)
    later.give([log.frame(speech[:1_600], sequence=2)], {"s/0": tombstone})
    assert codes(later.finish()) == ["after_end"]


def test_a_closed_channel_is_answered_before_a_backlog(make_stage, extractor, log, speech):
    stage = make_stage(extractor, slice_samples=1_600)
    stage.run(log.frame(speech[:1_600], "closed", end=True))
    stage.give(
        [log.frame(speech[:16_000], "long"), log.frame(speech[:16_000], "long"), log.frame(speech[:9], "closed")]
    )
    assert "after_end" in codes(stage.turn())


def test_committed_frames_move_the_state_and_write_nothing(stage, make_stage, extractor, log, make_log, speech, heard):
    def parts(log, committed):
        return [log.frame(speech[i * 5_000 : (i + 1) * 5_000], committed=i < committed, end=i == 5) for i in range(6)]

    progress = stage.run(*parts(log, 4))
    assert [len(p.outputs) for p in progress] == [0, 0, 0, 0, 1, 1]
    want = heard(make_stage(extractor).run(*parts(make_log(), 0))).records
    assert heard(progress).records == want[4:]


def test_a_long_backlog_delays_nobody(make_stage, extractor, log, speech):
    stage = make_stage(extractor, slice_samples=32_000)
    backlog = [log.frame(speech[i * 16_000 : (i + 1) * 16_000], "long") for i in range(20)]
    stage.give(backlog)
    assert len(stage.turn()) == 2
    live = log.frame(speech[:1_600], "live")
    stage.give([live])
    turns = [stage.turn(), stage.turn()]
    assert live in [p.input for turn in turns for p in turn]
    assert all(len(turn) <= 3 for turn in turns)
    assert stage.handler.busy()
    rest = stage.finish()
    assert [p.input for p in rest if p.input.key == "long/0"] == backlog[-len(rest) :]


def test_a_snapshot_is_of_what_was_worked_on(make_stage, extractor, log, speech):
    stage = make_stage(extractor, slice_samples=1_600)
    stage.give([log.frame(speech[:1_600])])
    assert stage.handler.snapshot("s/0") is None
    stage.give([log.frame(speech[1_600:3_200]), log.frame(speech[3_200:4_800])])
    stage.turn()
    snapshot = stage.handler.snapshot("s/0")
    assert snapshot.version == 1
    assert not snapshot.over
    assert unpack(snapshot.state).stream.position == 1_600
    assert len(snapshot.state) < 2_300


def test_a_channel_whose_only_frame_was_rejected_whole_is_over(stage, make_stage, extractor, log, speech):
    frame = log.frame(speech[:1_600])
    frame.record["samples"], frame.record["start"] = b"?", None
    assert codes(stage.run(frame)) == ["bad_samples"]
    snapshot = stage.handler.snapshot("s/0")
    assert (snapshot.version, snapshot.over) == (frame.offset + 1, True)
    later = make_stage(extractor)
    later.give([log.frame(speech[:1_600], sequence=1)], {"s/0": snapshot})
    assert codes(later.finish()) == ["unknown_session"]


def test_what_is_forgotten_is_not_worked_on(stage, log, speech):
    stage.give([log.frame(speech[:1_600]), log.frame(speech[:1_600], "other")])
    stage.handler.forget(["s/0", "never seen/0"])
    assert [p.input.key for p in stage.turn()] == ["other/0"]
    assert stage.handler.status() == {"sessions": 1, "sessions_waiting": 0, "queued_bytes": 0}


def test_the_queue_is_bounded_in_bytes(make_stage, extractor, log, speech):
    stage = make_stage(extractor, queue_limit_bytes=90_000)
    stage.give([log.frame(speech[:16_000])])
    assert not stage.handler.full()
    stage.give([log.frame(speech[:16_000]), log.frame(speech[:16_000])])
    assert stage.handler.full()
    stage.finish()
    assert not stage.handler.full()
    assert not stage.handler.busy()


def test_a_snapshot_of_something_else_is_refused(stage):
    before = msgpack.packb([2, 5, True, 0, b"", SILENT])  # the format before this one
    for state in (b"", b"\xc1", b"\x93\x02\x00\x00", b"\x92\x01\x02", before):
        with pytest.raises(SnapshotUnreadableError, match="snapshot"):
            stage.handler.restore("s/0", Snapshot(3, state))


def test_ready_is_a_real_computation(stage):
    assert stage.handler.ready()
