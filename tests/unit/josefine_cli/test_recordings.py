import wave
from pathlib import Path

import pytest

from josefine_cli.recordings import UnreadableFileError, check_readable, container_timeline, duration_s, recording
from josefine_wire.records import session_config

SAMPLES = Path(__file__).parents[3] / "samples"
CONTAINERS = sorted(path for path in SAMPLES.iterdir() if path.suffix not in (".md", ".jsonl"))


@pytest.mark.parametrize("path", CONTAINERS, ids=lambda path: path.name)
def test_every_container_is_sent_whole_in_time_order(path):
    pieces = list(recording(path, session_config(), speed=1.0).pieces)

    assert b"".join(piece.payload for piece in pieces) == path.read_bytes()
    times = [piece.audio_s for piece in pieces]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(duration_s(path), abs=0.1)
    # An Ogg page holds a second; everything else can be cut finer.
    assert max(after - before for before, after in zip([0.0, *times], times, strict=False)) < 1.1


def test_without_a_pace_the_bytes_go_in_large_pieces():
    path = SAMPLES / "jfk.flac"
    pieces = list(recording(path, session_config("RECORDED"), speed=None).pieces)

    assert b"".join(piece.payload for piece in pieces) == path.read_bytes()
    assert {len(piece.payload) for piece in pieces[:-1]} == {32 * 1024}


def test_nothing_is_read_before_it_is_played(tmp_path):
    missing = recording(tmp_path / "gone.wav", session_config(), speed=None)

    with pytest.raises(FileNotFoundError):
        next(iter(missing.pieces))


def test_what_is_no_audio_has_no_times_but_can_be_sent(tmp_path):
    path = tmp_path / "note.wav"
    path.write_text("this is a letter")

    assert duration_s(path) is None
    assert container_timeline(path) is None
    [piece] = recording(path, session_config(), speed=1.0).pieces
    assert piece == (b"this is a letter", 0.0)


@pytest.mark.parametrize("samples", [0, 1])
def test_wavs_of_no_and_of_one_sample(tmp_path, samples):
    path = tmp_path / "short.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, samples, "NONE", ""))
        file.writeframes(b"\x01\x00" * samples)

    pieces = list(recording(path, session_config(), speed=1.0).pieces)

    assert b"".join(piece.payload for piece in pieces) == path.read_bytes()


def test_what_cannot_be_sent_is_told_in_a_few_words(tmp_path):
    (tmp_path / "empty.wav").touch()
    reasons = {
        tmp_path: "is a folder, not a recording",
        tmp_path / "empty.wav": "is empty",
        tmp_path / "none.wav": "no such file or directory",
    }

    for path, reason in reasons.items():
        with pytest.raises(UnreadableFileError) as caught:
            check_readable(path)
        assert caught.value.reason == reason
    check_readable(SAMPLES / "jfk.flac")
