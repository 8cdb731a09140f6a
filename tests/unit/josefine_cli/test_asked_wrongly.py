"""What is refused before an engine is looked for, and what the defaults come to."""

import wave
from pathlib import Path

import pytest

from josefine_cli import evaluate, transcribe
from josefine_cli.errors import CliError

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
