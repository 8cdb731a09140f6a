import pytest

from josefine_inference.build import build
from josefine_inference.settings import InferenceSettings
from josefine_models.store import fetch
from josefine_stage.errors import ConfigurationError


@pytest.mark.parametrize("models", [{"model": "tiniest.en"}, {"model": "tiny.en", "models": ("tiniest.en",)}])
def test_a_model_that_nobody_knows_is_refused_by_name_before_a_device_is_taken(models, monkeypatch, tmp_path):
    monkeypatch.setattr("josefine_inference.build.fetch", fetched := Fetched())
    with pytest.raises(ConfigurationError, match=r"tiniest\.en"):
        build(InferenceSettings(kafka_bootstrap_servers="localhost:1", **models))
    assert fetched.names[-1] == "tiniest.en"


class Fetched:
    """Fetches what exists; the real function, so that its errors are real, but for what would be a download."""

    def __init__(self) -> None:
        self.names = []

    def __call__(self, name, progress):
        self.names.append(name)
        return None if name == "tiny.en" else fetch(name, progress=progress)
