import pytest
from pydantic import ValidationError

from josefine_feature.build import build
from josefine_feature.settings import FeatureSettings
from josefine_speech.kernels.library import KernelsMissingError
from josefine_stage.errors import ConfigurationError


def test_another_model_is_one_readable_line(tmp_path):
    (tmp_path / "silero_vad_16k.safetensors").write_bytes(b"nothing")
    with pytest.raises(ConfigurationError, match=r"JOSEFINE_VAD_MODEL=.*silero_vad_16k"):
        build(FeatureSettings(vad_model=str(tmp_path)))


def test_a_folder_without_the_model_is_one_readable_line(tmp_path):
    with pytest.raises(ConfigurationError, match="JOSEFINE_VAD_MODEL="):
        build(FeatureSettings(vad_model=str(tmp_path)))


def test_kernels_that_were_not_built_are_one_readable_line(monkeypatch, tmp_path):
    def missing(_):
        raise KernelsMissingError("kernels of josefine_speech are not built: make setup")

    monkeypatch.setattr("josefine_feature.build.VoiceActivity.load", missing)
    with pytest.raises(ConfigurationError, match="make setup"):
        build(FeatureSettings(vad_model=str(tmp_path)))


def test_mels_are_those_of_a_model(monkeypatch):
    monkeypatch.setenv("JOSEFINE_MELS", "128")
    assert FeatureSettings().mels == 128
    monkeypatch.setenv("JOSEFINE_MELS", "64")
    with pytest.raises(ValidationError, match="mels"):
        FeatureSettings()


@pytest.mark.slow
def test_the_published_model_makes_the_stage_ready():
    handler = build(FeatureSettings())
    assert handler.ready()
    handler.close()
