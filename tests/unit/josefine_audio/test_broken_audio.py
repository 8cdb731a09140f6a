import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audio import CONTAINERS, cut, frames_of, sample_file, signal_of

from josefine_audio.errors import AudioError, BrokenAudioError, UnsupportedAudioError


@pytest.mark.parametrize(
    "payload",
    [b"This is no audio at all, whatever its name says.", b"RIFF\x46\xd8\x23\x00WAVEfmt \x10\0\0\0\x01\0", b"\0" * 50,
     b"<html><body>404</body></html>" * 4_000, b"\xff", b"\x89PNG\r\n\x1a\n" + bytes(100)],
)  # fmt: skip
def test_what_is_no_audio_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(UnsupportedAudioError, match=r"byte \d+"):
        frames_of([payload])


def test_a_header_without_samples_is_empty() -> None:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    header_only = b"RIFF" + struct.pack("<I", 36) + b"WAVE" + fmt + struct.pack("<4sI", b"data", 0)
    assert len(header_only) == 44
    assert len(signal_of(frames_of([header_only]))) == 0


@pytest.mark.parametrize(
    ("field", "at", "value"), [("channels", 22, 0), ("sampling rate", 24, 0), ("sampling rate", 24, 4_000_000_000)]
)
def test_a_wav_header_without_sense_is_named(field: str, at: int, value: int) -> None:
    broken = bytearray(sample_file("wav"))
    struct.pack_into("<H" if field == "channels" else "<I", broken, at, value)
    with pytest.raises(UnsupportedAudioError, match=field):
        frames_of([bytes(broken)])


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - {"m4a"}))
def test_a_file_that_is_cut_off_gives_what_is_there(name: str) -> None:
    payload = sample_file(name)
    signal = signal_of(frames_of([payload[: len(payload) * 3 // 4]]))
    assert 0.9 * 16_000 < len(signal) < 1.8 * 16_000


@pytest.mark.parametrize("name", ["flac", "ogg-opus", "webm-opus", "mp3", "adts"])
def test_damage_in_the_middle_is_a_gap_and_shifts_nothing(name: str) -> None:
    payload = bytearray(sample_file(name, 12.0))
    third = len(payload) // 3
    payload[third : third + 1_000] = bytes(1_000)
    frames = frames_of([bytes(payload)], step=5_000)
    signal = signal_of(frames)[:, 0]
    # Raw MPEG and AAC frames have no time stamps: what the demuxer skipped over is not known.
    assert abs(len(signal) / 16_000 - 12.0) < (0.5 if name in ("mp3", "adts") else 0.15)
    gaps = [gap for frame in frames for gap in frame.gaps]
    assert gaps
    for gap in gaps:
        assert gap["reason"] in ("decode_error", "missing_frames")
        lost = signal[gap["start_sample"] : gap["start_sample"] + gap["samples"]]
        assert not lost[200:-200].any()


def test_nothing_but_damage_is_an_error() -> None:
    payload = bytearray(sample_file("m4a"))
    begin = payload.index(b"mdat") + 4
    end = payload.index(b"moov") - 4
    payload[begin:end] = b"\xff" * (end - begin)
    with pytest.raises(BrokenAudioError, match="byte"):
        frames_of([bytes(payload)])


@pytest.mark.parametrize("name", ["wav", "flac", "webm-opus", "mp3", "m4a", "mp4-fragmented", "adts"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_damage_ends_in_audio_or_a_named_error(name: str, data: st.DataObject) -> None:
    payload = bytearray(sample_file(name))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at : at + 20] = data.draw(st.binary(min_size=1, max_size=40))
    pieces = cut(bytes(payload), data.draw(st.lists(st.integers(0, 10**6), max_size=4)))
    with suppress(AudioError):
        assert signal_of(frames_of(pieces)).dtype == np.int16
