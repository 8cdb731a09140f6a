import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audio import CONTAINERS, cut, sample_file, speechlike
from made_sessions import BEGAN_MS, Stage, chunk, chunks, ingested, inputs, pieces, start

from josefine_audio.sample_formats import ALAW, MULAW
from josefine_ingest.limits import IngestLimits

SPEECH = speechlike(1.03)
PCM = SPEECH.tobytes()


def test_live_speech_becomes_frames_of_200_ms() -> None:
    stage = ingested(chunks(list(pieces(PCM, 3_000)), start()))
    assert stage.signal().tobytes() == PCM
    lengths = [len(frame["samples"]) // 2 for frame in stage.frames()]
    assert lengths == [3_200] * 5 + [480]
    assert stage.end() == {"reason": "COMPLETE", "samples": len(SPEECH), "code": None, "message": None}
    assert stage.done == list(range(11))
    assert not stage.rejections


def test_recorded_speech_becomes_frames_of_four_seconds() -> None:
    stage = ingested(chunks([PCM] * 5, start(mode="RECORDED")))
    assert [len(frame["samples"]) // 2 for frame in stage.frames()] == [64_000, 5 * len(SPEECH) - 64_000]
    assert stage.signal().tobytes() == 5 * PCM


def test_the_first_frame_carries_the_configuration() -> None:
    stage = ingested(chunks([PCM], start(tag="x")))
    configs = [frame["start"] for frame in stage.frames()]
    assert configs[0]["metadata"] == {"tag": "x"}
    assert set(map(type, configs[1:])) == {type(None)}


@pytest.mark.parametrize(("encoding", "table"), [("mulaw", MULAW), ("alaw", ALAW)])
def test_telephone_speech_is_twice_as_many_samples(encoding: str, table: np.ndarray) -> None:
    codes = np.random.default_rng(0).integers(0, 256, 8_000, np.uint8)
    stage = ingested(chunks([codes.tobytes()], start(encoding, 8_000)))
    assert stage.end()["samples"] == 16_000
    heard, sent = stage.signal()[::2].astype(float), table[codes].astype(float)
    assert np.corrcoef(heard, sent)[0, 1] > 0.9


@settings(max_examples=20, deadline=None)
@given(
    borders=st.lists(st.integers(0, 10**6), max_size=10),
    begin=st.sampled_from(
        [
            start(),
            start("linear16", 44_100, 2),
            start("mulaw", 8_000),
            start("linear16", 48_000, 2, multichannel="true"),
        ]
    ),
)
def test_where_raw_bytes_are_cut_does_not_matter(borders: list[int], begin: dict) -> None:
    frames = ingested(chunks(cut(PCM, borders), begin)).outputs
    assert [_timeless(output.record) for output in frames] == [
        _timeless(output.record) for output in ingested(chunks([PCM], begin)).outputs
    ]


def _timeless(frame: dict) -> dict:
    return {name: value for name, value in frame.items() if name != "captured_at"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_give_the_same_frames_however_they_are_cut(name: str) -> None:
    payload = sample_file(name)
    whole = ingested(chunks([payload], start("container", 0, 0)))
    cut_up = ingested(chunks(list(pieces(payload, 1_777)), start("container", 0, 0)))
    assert cut_up.signal().tobytes() == whole.signal().tobytes()
    assert whole.end()["reason"] == "COMPLETE"
    assert abs(whole.end()["samples"] / 16_000 - 2.0) < 0.15


def test_channels_have_sessions_of_their_own_when_asked() -> None:
    stereo = speechlike(0.5, 16_000, 2)
    stage = ingested(chunks(list(pieces(stereo.tobytes(), 999)), start(channels=2, multichannel="true")))
    for channel in (0, 1):
        np.testing.assert_array_equal(stage.signal(channel=channel), stereo[:, channel])
        assert stage.end(channel=channel)["samples"] == len(stereo)
        assert {frame["channels"] for frame in stage.frames(channel=channel)} == {2}


def test_channels_are_mixed_otherwise() -> None:
    stereo = speechlike(0.5, 16_000, 2)
    stage = ingested(chunks([stereo.tobytes()], start(channels=2)))
    assert np.abs(stage.signal() - stereo.astype(float).mean(axis=1)).max() <= 0.5
    assert {output.key for output in stage.outputs} == {"s/0"}


def test_one_sample_is_a_session() -> None:
    stage = ingested(chunks([b"\x01\x02"], start()))
    (frame,) = stage.frames()
    assert (frame["samples"], frame["end"]["samples"]) == (b"\x01\x02", 1)


def test_a_flush_brings_out_everything_so_far() -> None:
    speech = speechlike(1.0, 8_000).tobytes()
    records = [
        chunk(0, speech[:2_468], start=start(rate_hz=8_000)),
        chunk(1, b"", flush=True),
        chunk(2, speech[2_468:], end=True),
    ]
    stage = ingested(records)
    flushes = [frame["flush"] for frame in stage.frames()]
    assert flushes.count(True) == 1
    flushed = stage.frames()[flushes.index(True)]
    assert flushed["start_sample"] + len(flushed["samples"]) // 2 == 2_468
    assert stage.end()["samples"] == len(stage.signal()) == 16_000


def test_frames_know_when_their_last_sample_was_captured() -> None:
    captured_us = 1_700_000_001_000_000
    stage = ingested([chunk(0, PCM, start=start(), captured_at=captured_us, end=True)])
    for frame in stage.frames():
        end_sample = frame["start_sample"] + len(frame["samples"]) // 2
        assert frame["captured_at"] == captured_us - (len(SPEECH) - end_sample) * 1_000_000 // 16_000


def test_a_producer_ahead_of_its_time_is_set_right() -> None:
    stage = ingested([chunk(0, PCM, start=start(), session_started_at=BEGAN_MS + 10**9, end=True)])
    assert {frame["session_started_at"] for frame in stage.frames()} == {BEGAN_MS}


def test_a_caller_may_hang_up_without_a_word() -> None:
    assert ingested(chunks([b""], start())).end()["reason"] == "COMPLETE"


def test_sessions_do_not_mix() -> None:
    mine, yours = (list(pieces(speechlike(0.7, seed=seed).tobytes(), 2_000)) for seed in (1, 2))
    both = [record for pair in zip(chunks(mine, start()), chunks(yours, start(), "t"), strict=True) for record in pair]
    stage = ingested(both)
    assert stage.signal().tobytes() == b"".join(mine)
    assert stage.signal("t").tobytes() == b"".join(yours)


def test_a_silent_producer_ends_its_session_where_the_end_of_the_log_was_read() -> None:
    stage = Stage()
    stage.run(inputs(chunks(list(pieces(speechlike(0.55, 8_000).tobytes(), 800)), start(rate_hz=8_000), end=False)))
    stage.turn(passed_s=59.0)
    stage.turn(passed_s=100.0, caught_up=False)
    assert not stage.unasked
    stage.turn(passed_s=2.0)
    assert stage.end() == {"reason": "IDLE_TIMEOUT", "samples": 8_800, "code": None, "message": None}
    assert stage.unasked
    stage.turn(passed_s=200.0)
    assert len([output for output in stage.outputs if output.record["end"]]) == 1
    late = stage.run(inputs([chunk(99, b"\0\0")], first_offset=99))
    assert late.rejections[99].code == "after_end"


def test_a_silent_producer_of_a_whole_file_ends_with_the_reason() -> None:
    stage = Stage()
    stage.run(inputs([chunk(0, sample_file("m4a")[:5_000], start=start("container", 0, 0))]))
    stage.turn(passed_s=61.0)
    stage.run()
    assert stage.end()["reason"] == "IDLE_TIMEOUT"
    assert stage.end()["code"] == "unsupported_audio"


def test_a_session_does_not_last_for_ever() -> None:
    limits = IngestLimits(max_session_s=2.0)
    by_audio = ingested(chunks(list(pieces(speechlike(4.0).tobytes(), 32_000)), start()), limits)
    assert by_audio.end()["code"] == "session_too_long"
    assert by_audio.end()["samples"] == 3 * 16_000
    assert {offset: each.code for offset, each in by_audio.rejections.items()} == {
        2: "session_too_long",
        3: "after_end",
    }
    by_clock = ingested([chunk(0, b"", start=start()), *(chunk(n, b"") for n in range(1, 300))], limits)
    assert by_clock.end()["code"] == "session_too_long"
