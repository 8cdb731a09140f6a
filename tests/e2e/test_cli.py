"""The command line against a running engine, as a shell sees it."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def josefine(client, monkeypatch):
    """Runs a command against the engine."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", client.stack.bootstrap_servers)

    def run(*arguments, **more):
        command = [sys.executable, "-m", "josefine_cli.main", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, timeout=240, check=False, **{"text": True, **more})

    return run


def test_json_of_good_and_bad_files(josefine, sample_path, tmp_path):
    letter = tmp_path / "letter.wav"
    letter.write_text("this is no recording\n" * 20)
    missing = tmp_path / "missing.wav"
    good = [sample_path("jfk.flac"), sample_path("lj002-0020.wav")]

    done = josefine("transcribe", "--format", "json", good[0], letter, missing, tmp_path, good[1])

    assert done.returncode == 1
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["file"] for each in shown] == [str(path) for path in good]
    jfk = shown[0]
    assert jfk["duration_s"] == pytest.approx(11.0, abs=0.1)
    assert "your country" in jfk["transcript"]
    assert {"word", "punctuated_word", "start", "end", "confidence"} == set(jfk["words"][0])
    assert [word["start"] for word in jfk["words"]] == sorted(word["start"] for word in jfk["words"])
    assert jfk["segments"][0]["text"] == jfk["transcript"]
    assert jfk["sentiment"]["label"] in ("POSITIVE", "NEUTRAL", "NEGATIVE")
    assert any(entity["label"] == "NORP" for entity in jfk["entities"])
    errors = done.stderr.splitlines()
    assert len(errors) == 3, done.stderr
    for path, line in zip((missing, tmp_path, letter), errors, strict=True):
        assert line.startswith(f"josefine: {path}: ")


def test_text_is_nothing_but_the_words(josefine, sample_path):
    done = josefine("transcribe", sample_path("lj050-0131.wav"))

    assert (done.returncode, done.stderr) == (0, "")
    assert "frequent formal review" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(("format_", "arrow"), [("srt", "00:00:00,"), ("vtt", "00:00:00.")])
def test_captions(josefine, sample_path, tmp_path, format_, arrow):
    done = josefine(
        "transcribe", "--format", format_, "--output", tmp_path, sample_path("jfk.flac"), sample_path("sonnet1.mp3")
    )

    assert (done.returncode, done.stdout) == (0, "")
    text = (tmp_path / f"jfk.flac.{format_}").read_text()
    assert "fellow Americans" in text
    assert arrow in text
    assert (tmp_path / f"sonnet1.mp3.{format_}").exists()


def test_captions_of_several_files_cannot_share_a_stream(josefine, sample_path):
    done = josefine("transcribe", "--format", "srt", sample_path("jfk.flac"), sample_path("sonnet1.mp3"))

    assert done.returncode == 2
    assert "--output" in done.stderr


def test_live_at_double_speed(josefine, sample_path):
    done = josefine("transcribe", "--live", "--speed", "2", "--format", "json", sample_path("lj050-0131.wav"))

    assert done.returncode == 0, done.stderr
    assert "formal review" in json.loads(done.stdout)["transcript"]


def test_what_is_published_can_be_tailed(josefine, sample_path, speech):
    raw = speech.astype("<i2").tobytes()
    options = ["--encoding", "linear16", "--rate", "16000", "--channels", "1", "--session", "from-a-pipe"]

    published = josefine("publish", "-", *options, input=raw, text=False)
    assert (published.returncode, published.stdout) == (0, b"from-a-pipe\n"), published.stderr

    tailed = josefine("tail", "transcripts", "--from", "10m", "--session", "from-a-pipe", "--count", "2", "--for", "90")
    values = [json.loads(line)["value"] for line in tailed.stdout.splitlines()]
    assert [value["kind"] for value in values] == ["FINAL", "END"]
    assert "ask not what your country" in values[0]["text"]
    audio = josefine("tail", "audio.raw", "--from", "10m", "--session", "from-a-pipe", "--no-follow")
    payloads = [json.loads(line)["value"]["payload"] for line in audio.stdout.splitlines()]
    assert sum(payload["bytes"] for payload in payloads) == len(raw)


def test_wrong_uses_are_one_readable_line(josefine, tmp_path):
    wrong = {
        ("tail", "no.such.topic"): 2,
        ("tail", "transcripts", "--from", "yesterday"): 2,
        ("publish",): 2,
        ("publish", "--session", "a/b", tmp_path): 1,
        ("evaluate", tmp_path): 2,
    }
    for arguments, status in wrong.items():
        done = josefine(*arguments)
        assert done.returncode == status, arguments
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith("josefine: ")
