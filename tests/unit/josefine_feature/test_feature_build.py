import pytest

from josefine_feature.build import build
from josefine_feature.settings import FeatureSettings
from josefine_speech import vad
from josefine_speech.kernels.library import KernelsMissingError
from josefine_stage.errors import ConfigurationError


@pytest.mark.slow
def test_kernels_that_were_not_built_are_one_readable_line(monkeypatch):
    def missing():
        raise KernelsMissingError("kernels of josefine_speech are not built: make clean setup")

    monkeypatch.setattr(vad, "best_kernels", missing)
    with pytest.raises(ConfigurationError, match="make clean setup"):
        build(FeatureSettings(kafka_bootstrap_servers="localhost:1"))
