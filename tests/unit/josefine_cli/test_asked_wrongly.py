"""What is refused before an engine is looked for, and what the defaults come to."""

import sys
import wave
from pathlib import Path

import pytest
from typer.testing import CliRunner

from josefine_cli import evaluate, microphone, publish, tail, transcribe
from josefine_cli.errors import CliError
from josefine_cli.main import app
from josefine_kafka.broker_environment import SERVERS
from josefine_kafka.connection import Broker
from josefine_stage.errors import BrokerError

SAMPLES = Path(__file__).parents[3] / "samples"


def test_evaluate_wants_the_folder_of_its_results_at_the_start(tmp_path):
    with pytest.raises(CliError, match="nowhere") as caught:
        evaluate.evaluate(SAMPLES, json_file=tmp_path / "nowhere" / "results.json")
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(("patience", "expected_s"), [(None, 60 + 100 / 50), (5.0, 5.0)])
def test_transcribe_waits_longer_for_longer_recordings(tmp_path, monkeypatch, patience, expected_s):
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(800_000))
    asked = []
    monkeypatch.setattr(transcribe, "_transcribe", lambda clips, jobs, options, out: asked.append(options.patience_s))

    transcribe.transcribe([path, SAMPLES / "jfk.flac"], patience=patience)

    assert asked == [pytest.approx(expected_s)]


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    """No engine runs here and none is named."""
    for name in SERVERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOSEFINE_RUN_DIR", str(tmp_path))


@pytest.mark.parametrize("source", [{"file": str(SAMPLES / "jfk.flac")}, {"microphone": True}])
def test_publish_without_an_engine_prints_no_session_and_opens_no_microphone(no_engine, monkeypatch, capsys, source):
    monkeypatch.setattr(publish, "microphone_samples", lambda device: pytest.fail("opened"))
    with pytest.raises(CliError, match="josefine up"):
        publish.publish(**source)
    assert capsys.readouterr().out == ""


def test_a_file_has_no_borders_of_opus_packets():
    done = CliRunner().invoke(app, ["publish", str(SAMPLES / "jfk.flac"), "--encoding", "opus"])
    assert done.exit_code == 2
    assert "opus" in done.output


def test_a_microphone_that_cannot_be_opened_is_told_with_the_ways_out(monkeypatch):
    monkeypatch.setattr(microphone, "INPUTS", {sys.platform: ("wav", "default")})
    with pytest.raises(CliError, match=r"'no-such'.*--device.*publish -"):
        next(microphone.microphone_samples("no-such"))
    monkeypatch.setattr(microphone, "INPUTS", {})
    with pytest.raises(CliError, match="publish -"):
        next(microphone.microphone_samples())


@pytest.mark.parametrize(
    ("options", "start"),
    [({}, "end"), ({"session": "s"}, "beginning"), ({"session": "s", "from_": "end"}, "end")],
)
def test_tail_of_a_session_begins_with_it(monkeypatch, options, start):
    asked = []

    def opened(broker, topics, start):
        asked.append(start)
        raise BrokerError("no broker")

    monkeypatch.setattr(tail, "require_broker", lambda: Broker("127.0.0.1:1"))
    monkeypatch.setattr(tail, "TopicTail", opened)
    with pytest.raises(CliError):
        tail.tail("transcripts", **options)
    assert asked == [start]
