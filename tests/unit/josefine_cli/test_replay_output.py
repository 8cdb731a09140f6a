"""What replays and dead letters look like, and what is refused before an engine is looked for."""

import json
import os
import signal

import pytest
from typer.testing import CliRunner

from josefine_cli.dlq_out import LetterFormat, print_letters, shown_letter
from josefine_cli.errors import CliError
from josefine_cli.interrupts import uninterrupted
from josefine_cli.main import app
from josefine_cli.replay_out import ReplayFormat, ReplayOut, replayed_json
from josefine_cli.start_time import moment_of
from josefine_client.chunks import ChunkNumbering, Session
from josefine_client.dead_letters import Letter
from josefine_client.heard_before import Comparison, HeardBefore
from josefine_client.replay import ReplayPlan
from josefine_client.replay_search import Found
from josefine_client.replayer import Replayed, Resent
from josefine_client.results import SessionResult
from josefine_client.sessions_in_log import SessionInLog
from josefine_wire.codec import encode

PLAN = ReplayPlan(SessionInLog("s", "audio.raw", 0, 0, 0), "s~1", "tiny.en", "", 0)


def replayed(result, failure=None, **counts):
    return Replayed(PLAN, result, SessionResult("s~1"), Comparison(**counts), failure)


def test_a_replay_is_a_row_that_says_what_differs(result, capsys):
    out = ReplayOut(ReplayFormat.TABLE)
    out.take(replayed(result, same=1, changed=1, new=2))
    out.take(replayed(result, same=2))
    out.close()

    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row and row[0] == "s"] == [
        ["s", "s~1", "tiny.en", "2", "4", "1 changed, 2 new", "0", "COMPLETE"],
        ["s", "s~1", "tiny.en", "2", "4", "yes", "0", "COMPLETE"],
    ]
    assert not out.failed


def test_json_has_the_counts(result):
    shown = replayed_json(replayed(result, same=2))

    assert (shown["session"], shown["replay"], shown["finals"], shown["words"]) == ("s", "s~1", 2, 4)
    assert (shown["equal"], shown["same"], shown["changed"], shown["new"]) == (True, 2, 0, 0)


def test_what_fails_is_a_line_and_a_status(capsys):
    out = ReplayOut(ReplayFormat.JSON)
    out.take_found(Found([PLAN], [("t", "is not on audio.raw")], ["a", "b"], HeardBefore.of([])))
    out.take_resent(Resent(PLAN, 7))

    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "josefine: 2 sessions began before --from and are left out: a, b",
        "josefine: t: is not on audio.raw",
    ]
    assert json.loads(said.out)["records"] == 7
    assert out.failed


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay"],
        ["replay", "--session", "s", "--from", "1h"],
        ["replay", "--session", "s", "--to", "1h"],
        ["replay", "--session", "s", "--topic", "understanding"],
        ["replay", "--session", "s", "--topic", "transcripts", "--model", "base"],
        ["replay", "--from", "1h", "--to", "2h"],
        ["replay", "--from", "yesterday"],
        ["dlq", "requeue"],
        ["dlq", "requeue", "--all", "--code", "unreadable"],
    ],
)
def test_what_makes_no_sense_is_refused_with_status_2(arguments):
    done = CliRunner().invoke(app, arguments)

    assert isinstance(done.exception, CliError)
    assert done.exception.exit_status == 2


@pytest.mark.parametrize(("text", "at_ms"), [("beginning", 0), ("end", 50_000), ("10s", 40_000)])
def test_moments(text, at_ms):
    assert moment_of(text, 50.0, "--to") == at_ms


def test_a_letter_shows_its_record_or_its_bytes():
    [chunk] = ChunkNumbering(Session("s"), "p", 5).chunks(b"abc", end=True)
    letter = {
        "id": "i", "stage": "ingest", "topic": "audio.raw", "partition": 0, "offset": 1, "key": b"s",
        "value": encode("audio.raw", chunk), "headers": {"h": b"12"}, "session_id": "s", "code": "c", "reason": "r",
        "failed_at": 1_700_000_000_000,
    }  # fmt: skip

    shown = shown_letter(letter, with_bytes=False)
    unreadable = shown_letter({**letter, "value": b"junk", "key": None}, with_bytes=True)

    assert shown["record"]["payload"] == {"bytes": 3}
    assert (shown["key"], shown["headers"], shown["failed_at"]) == (
        "s",
        {"h": {"bytes": 2}},
        "2023-11-14T22:13:20+00:00",
    )
    assert (unreadable["record"], unreadable["key"]) == (None, None)
    assert unreadable["value"] == {"bytes": 4, "base64": "anVuaw=="}
    assert "byte 0" in unreadable["error"]


def test_letters_are_a_line_each(capsys):
    letter = Letter("ingest/audio.raw/0/1", "ingest", "audio.raw", None, "unreadable", "byte 0 [is] wrong", 0)
    print_letters([letter], LetterFormat.TABLE)
    print_letters([letter], LetterFormat.JSON)

    *table, line = capsys.readouterr().out.splitlines()
    assert any("byte 0 [is] wrong" in row and letter.id in row for row in table)
    assert json.loads(line)["failed_at"] == "1970-01-01T00:00:00+00:00"


def test_an_interrupt_waits_for_what_is_half_done_and_a_second_one_does_not(capsys):
    done = []

    def work(interrupts):
        with uninterrupted():
            for _ in range(interrupts):
                os.kill(os.getpid(), signal.SIGINT)
            done.append(interrupts)

    for interrupts in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            work(interrupts)
    work(0)

    assert done == [1, 0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert capsys.readouterr().err.count("once more") == 2
