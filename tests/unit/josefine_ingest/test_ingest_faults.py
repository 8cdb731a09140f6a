import numpy as np
import pytest
from made_audio import sample_file, speechlike
from made_sessions import BEGAN_MS, Stage, chunk, chunks, ingested, inputs, pieces, start

from josefine_ingest.limits import IngestLimits

SPEECH = speechlike(1.0)
HUNDRED_MS = [SPEECH[at : at + 1_600].tobytes() for at in range(0, 16_000, 1_600)]


@pytest.mark.parametrize(
    ("field", "record"),
    [
        ("start", chunk(0, b"")),
        ("start.encoding", chunk(0, start=start("speex"))),
        ("start.sample_rate_hz", chunk(0, start=start(rate_hz=4_000))),
        ("start.sample_rate_hz", chunk(0, start=start("mulaw", 96_000))),
        ("start.channels", chunk(0, start=start(channels=0))),
        ("start.channels", chunk(0, start=start(channels=9))),
        ("start.channels", chunk(0, start=start("opus", 0, 3))),
        ("payload", chunk(0, bytes(1024 * 1024 + 1), start=start())),
        ("session_id", chunk(0, session="x" * 129, start=start())),
        ("session_id", chunk(0, session="a/b", start=start())),
        ("captured_at", chunk(0, bytes(12_800), start=start(), captured_at=-(2**63) + 10)),
        ("captured_at", chunk(0, start=start(), captured_at=BEGAN_MS * 1_000_000)),
        ("session_started_at", chunk(0, start=start(), session_started_at=-(2**63))),
        ("session_started_at", chunk(0, start=start(), session_started_at=BEGAN_MS * 1_000)),
    ],
)
def test_a_session_that_begins_wrong_ends_with_the_fields_name(field: str, record: dict) -> None:
    stage = ingested([record, chunk(1, b"\0\0", record["session_id"], end=True)])
    end = stage.end(record["session_id"])
    assert (end["reason"], end["code"], end["samples"]) == ("ERROR", "invalid_start", 0)
    assert end["message"].startswith(f"{field}:")
    assert stage.rejections[0].code == "invalid_start"
    assert stage.rejections[0].reason == end["message"]
    assert stage.rejections[1].code == "after_end"
    assert stage.frames(record["session_id"])[0]["session_started_at"] >= 0


def test_duplicates_are_done_and_silent() -> None:
    records = chunks(HUNDRED_MS, start())
    doubled = [record for record in records for _ in range(3)] + records
    stage = ingested(doubled)
    assert stage.signal().tobytes() == SPEECH.tobytes()
    assert not stage.rejections
    assert sorted(stage.done) == list(range(len(doubled)))


def test_a_second_producer_does_not_disturb() -> None:
    records = chunks(HUNDRED_MS, start())
    foreign = [{**record, "producer_id": "q", "payload": b"\xff" * 100} for record in records]
    stage = ingested([record for pair in zip(records, foreign, strict=True) for record in pair])
    assert stage.signal().tobytes() == SPEECH.tobytes()
    assert {offset % 2 for offset in stage.rejections} == {1}
    assert {rejection.code for rejection in stage.rejections.values()} == {"second_producer"}


def test_chunks_after_the_end_are_refused() -> None:
    stage = ingested([*chunks(HUNDRED_MS, start()), chunk(10, b"\0\0"), chunk(9, b""), chunk(11, end=True)])
    assert {offset: each.code for offset, each in stage.rejections.items()} == {10: "after_end", 12: "after_end"}
    assert stage.signal().tobytes() == SPEECH.tobytes()


def test_a_session_without_its_beginning_is_unknown() -> None:
    stage = Stage().run(inputs([chunk(5, b"\0\0"), chunk(6, b"\0\0")], committed=1))
    assert not stage.outputs
    assert {offset: each.code for offset, each in stage.rejections.items()} == {1: "unknown_session"}


def test_a_negative_sequence_is_refused() -> None:
    assert ingested([chunk(-1, b"")]).rejections[0].code == "invalid_chunk"


@pytest.mark.parametrize(
    ("field", "number"),
    [("captured_at", -1), ("captured_at", 2**63 - 1), ("session_started_at", -1), ("session_started_at", 2**63 - 1)],
)
def test_a_later_chunk_with_an_impossible_time_is_refused_and_a_gap(field: str, number: int) -> None:
    records = chunks(HUNDRED_MS, start())
    records[3] = {**records[3], field: number}
    stage = ingested(records)
    assert {offset: each.code for offset, each in stage.rejections.items()} == {3: "invalid_chunk"}
    assert stage.rejections[3].reason.startswith(f"{field}: is {number}, ")
    assert [gap["reason"] for gap in stage.gaps()] == ["missing_chunks"]
    assert stage.end()["reason"] == "COMPLETE"


def test_a_time_before_the_epoch_is_unknown() -> None:
    stage = ingested([chunk(0, bytes(64_000), start=start(), captured_at=1, end=True)])
    assert {frame["captured_at"] for frame in stage.frames()} == {0, 1}


def test_a_hole_between_known_times_is_silence_of_its_length() -> None:
    records = [
        {**record, "captured_at": 10**15 + 100_000 * (n + 1)} for n, record in enumerate(chunks(HUNDRED_MS, start()))
    ]
    stage = ingested(records[:3] + records[6:])
    assert stage.gaps() == [{"start_sample": 4_800, "samples": 4_800, "reason": "missing_chunks"}]
    expected = SPEECH[:, 0].copy()
    expected[4_800:9_600] = 0
    np.testing.assert_array_equal(stage.signal(), expected)
    assert stage.end()["reason"] == "COMPLETE"
    gap_frame = next(frame for frame in stage.frames() if frame["gaps"])
    assert gap_frame["start_sample"] <= 4_800 < gap_frame["start_sample"] + len(gap_frame["samples"]) // 2


@pytest.mark.parametrize("captured_at", [0, 10**15 + 10**9])
def test_a_hole_of_unknown_length_is_marked(captured_at: int) -> None:
    records = chunks(HUNDRED_MS, start())
    late = [{**record, "captured_at": captured_at and captured_at + n} for n, record in enumerate(records[6:])]
    stage = ingested([{**record, "captured_at": captured_at and 10**15} for record in records[:3]] + late)
    assert stage.gaps() == [{"start_sample": 4_800, "samples": 0, "reason": "missing_chunks"}]
    assert len(stage.signal()) == 7 * 1_600


def test_a_hole_in_the_middle_of_a_sample_drops_its_half() -> None:
    stage = ingested([chunk(0, b"\x01\0\x02", start=start()), chunk(2, b"\x03\0", end=True)])
    assert stage.signal().tolist() == [1, 3]


def test_a_hole_in_a_container_is_marked_and_passed() -> None:
    payloads = list(pieces(sample_file("ogg-opus", 8.0), 2_000))
    stage = ingested([record for record in chunks(payloads, start("container", 0, 0)) if record["sequence"] != 5])
    assert "missing_chunks" in {gap["reason"] for gap in stage.gaps()}
    assert abs(stage.end()["samples"] / 16_000 - 8.0) < 0.2


def test_a_chunk_that_is_too_large_is_a_hole() -> None:
    records = chunks([HUNDRED_MS[0], bytes(1024 * 1024 + 2), HUNDRED_MS[2]], start())
    stage = ingested(records)
    assert {offset: each.code for offset, each in stage.rejections.items()} == {1: "payload_too_large"}
    assert stage.gaps() == [{"start_sample": 1_600, "samples": 524_289, "reason": "missing_chunks"}]
    assert stage.end()["samples"] == 3_200 + 524_289


def test_a_chunk_that_is_too_large_and_those_missing_before_it_are_one_hole() -> None:
    large = bytes(1024 * 1024 + 2)
    large_us, hundred_ms_us = 524_289 * 1_000_000 // 16_000, 100_000
    records = [
        chunk(0, HUNDRED_MS[0], start=start(), captured_at=10**15),
        chunk(3, large, captured_at=10**15 + 2 * hundred_ms_us + large_us),
        chunk(4, HUNDRED_MS[4], end=True),
    ]
    assert ingested(records).gaps() == [{"start_sample": 1_600, "samples": 3_200 + 524_289, "reason": "missing_chunks"}]


def test_a_chunk_that_is_too_large_for_a_container_is_a_hole_of_unknown_length() -> None:
    payload = sample_file("wav")
    records = chunks([payload[:2_000], bytes(1024 * 1024 + 2), payload[2_000:]], start("container", 0, 0))
    assert [gap["samples"] for gap in ingested(records).gaps()] == [0]


@pytest.mark.parametrize(
    ("payload", "code", "refused"),
    [
        (b"", "empty_audio", False),
        (bytes.fromhex("524946462400000057415645666d74201000000001000100803e0000007d0000020010006461746100000000"),
         "empty_audio", False),
        (b"This is no audio, whatever its name says.", "unsupported_audio", True),
        (sample_file("wav")[:22], "unsupported_audio", True),
        (sample_file("m4a")[:-300], "unsupported_audio", True),
    ],
)  # fmt: skip
def test_a_bad_file_ends_with_one_readable_line(payload: bytes, code: str, refused: bool) -> None:
    stage = ingested(chunks([payload], start("container", 0, 0, "RECORDED")))
    end = stage.end()
    assert (end["reason"], end["code"], end["samples"]) == ("ERROR", code, 0)
    assert end["message"]
    assert "\n" not in end["message"]
    assert [rejection.code for rejection in stage.rejections.values()] == ([code] if refused else [])
    # However many are sent, they say nothing of a broken deploy.
    assert all(rejection.expected for rejection in stage.rejections.values())
    assert stage.done == [0]


def test_text_in_pieces_is_found_out_at_once_or_at_the_end() -> None:
    stage = ingested(chunks([b"RIFF", b"....", b"no audio", b"at all"], start("container", 0, 0)))
    assert stage.end()["code"] == "unsupported_audio"
    assert len(stage.rejections) == 1


def test_what_was_decoded_before_an_error_stands() -> None:
    limits = IngestLimits(max_session_s=1.5)
    stage = ingested(chunks([sample_file("flac", 8.0)], start("container", 0, 0)), limits)
    assert stage.end()["reason"] == "ERROR"
    assert len(stage.signal()) == stage.end()["samples"] > 16_000


@pytest.mark.parametrize("size", [1_000_000, 4_001])
def test_pieces_that_are_files_of_their_own_are_an_error_behind_the_first(size: int) -> None:
    one = sample_file("wav", 1.0)
    stage = ingested(chunks(list(pieces(one + one, size)), start("container", 0, 0)))
    end = stage.end()
    assert (end["code"], end["samples"]) == ("unsupported_audio", 16_000)
    assert f"another header at byte {len(one)}" in end["message"]
    assert stage.signal().tobytes() == SPEECH.tobytes()


def test_a_file_kept_for_its_end_has_a_limit() -> None:
    payload = sample_file("m4a")
    stage = ingested(
        chunks(list(pieces(payload, 4_000)), start("container", 0, 0)), IngestLimits(spool_limit_bytes=10_000)
    )
    assert stage.end()["code"] == "audio_too_large"
    assert next(iter(stage.rejections.values())).code == "audio_too_large"
    assert set(stage.done) == set(range(-(-len(payload) // 4_000)))
