from pathlib import Path

import pytest

from josefine_cli.errors import CliError
from josefine_cli.output import Format
from josefine_cli.results_out import ResultsOut
from josefine_client.chunks import Session
from josefine_client.player import Finished, Recording
from josefine_client.results import SessionResult

FILES = [Path("a.wav"), Path("b.wav"), Path("c.wav")]


def finished(result, failure=None):
    return Finished(Recording(Session("s"), []), result, failure)


def test_results_stand_in_the_order_of_the_files(capsys, result):
    out = ResultsOut(FILES, Format.TEXT, None)
    out.take(2, finished(result))
    assert capsys.readouterr().out == ""
    out.take(0, finished(result))
    out.take(1, finished(result))

    headings = [line for line in capsys.readouterr().out.splitlines() if line.endswith(":")]
    assert headings == ["a.wav:", "b.wav:", "c.wav:"]
    assert not out.failed


def test_a_bad_file_is_one_line_and_the_others_are_done(capsys, result, records):
    broken = SessionResult("s")
    error = {"code": "unsupported_audio", "message": "no audio that is known here"}
    broken.add_transcript(records.end(0.0, reason="ERROR", error=error))
    out = ResultsOut(FILES, Format.JSON, None)
    out.refuse(0, "no such file or directory")
    out.take(1, finished(broken))
    out.take(2, finished(result))

    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        "josefine: a.wav: no such file or directory",
        "josefine: b.wav: no audio that is known here",
    ]
    assert len(shown.out.splitlines()) == 1
    assert out.failed


def test_what_was_heard_before_an_error_is_kept(capsys, records):
    torn = SessionResult("s", want_understanding=False)
    torn.add_transcript(records.final(0, [records.word("so", 0, 1)]))
    torn.add_transcript(records.end(1.0, reason="ERROR", error={"code": "decode_error", "message": "cut off"}))
    out = ResultsOut(FILES[:1], Format.TEXT, None)
    out.take(0, finished(torn))

    assert capsys.readouterr() == ("so\n", "josefine: a.wav: cut off\n")
    assert out.failed


def test_a_gap_is_told_and_is_no_failure(capsys, records):
    holed = SessionResult("s", want_understanding=False)
    gap = {"start_sample": 16_000, "samples": 8_000, "reason": "decode_error"}
    holed.add_transcript(records.final(0, [records.word("so", 0, 1)], gaps=[gap]))
    holed.add_transcript(records.end(2.0))
    out = ResultsOut(FILES[:1], Format.TEXT, None)
    out.take(0, finished(holed))

    assert "0.50 s lost at 1.00 s, channel 0: decode_error" in capsys.readouterr().err
    assert not out.failed


def test_a_folder_gets_one_file_a_recording(tmp_path, capsys, result):
    out = ResultsOut([Path("x/talk.wav"), Path("x/talk.mp3")], Format.SRT, tmp_path)
    out.take(0, finished(result))
    out.take(1, finished(result))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.mp3.srt", "talk.wav.srt"]
    assert capsys.readouterr().out == ""


def test_two_recordings_of_one_name_are_refused_before_anything_is_sent(tmp_path):
    with pytest.raises(CliError, match=r"talk\.wav") as caught:
        ResultsOut([Path("x/talk.wav"), Path("y/talk.wav")], Format.TEXT, tmp_path / "out")
    assert caught.value.exit_status == 2
    ResultsOut([Path("x/talk.wav"), Path("y/talk.wav")], Format.TEXT, None)


def test_a_folder_that_cannot_be_made_or_written_is_one_readable_line(tmp_path, result):
    (tmp_path / "file").touch()
    with pytest.raises(CliError, match="cannot be made"):
        ResultsOut(FILES, Format.TEXT, tmp_path / "file")
    out = ResultsOut(FILES, Format.TEXT, tmp_path)
    (tmp_path / "a.wav.txt").mkdir()
    with pytest.raises(CliError, match=r"a\.wav\.txt: cannot be written"):
        out.take(0, finished(result))
