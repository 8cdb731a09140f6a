import pytest

from josefine_nlu.build import build
from josefine_nlu.settings import NluSettings
from josefine_stage.errors import ConfigurationError


def test_a_folder_without_a_pipeline_is_one_readable_line(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^JOSEFINE_NLU_MODEL=.*meta\.json") as raised:
        build(NluSettings(nlu_model=str(tmp_path)))
    assert "\n" not in str(raised.value)


def test_an_unknown_model_is_one_readable_line():
    with pytest.raises(ConfigurationError, match=r"^JOSEFINE_NLU_MODEL=nonsense: "):
        build(NluSettings(nlu_model="nonsense"))
