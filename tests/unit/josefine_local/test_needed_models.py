import pytest

import josefine_models
from josefine_local.errors import ConfigurationError, ModelError
from josefine_local.models import DEFAULT_MODELS, fetch_models
from josefine_local.options import StackOptions, standard_services


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("JOSEFINE_MODEL", "JOSEFINE_MODELS", "JOSEFINE_VAD_MODEL", "JOSEFINE_NLU_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(monkeypatch):
    """A store with two known models, of which one is here; tells what was fetched."""
    fetched = []

    def locate(name):
        if name == "here":
            return
        if name not in ("missing", "gone"):
            raise josefine_models.UnknownModelError(f"no model is called {name!r}")
        raise josefine_models.ModelMissing(name)

    def fetch(name, progress):
        if name == "gone":
            raise josefine_models.FetchError("gone: no network")
        progress(f"{name}: downloading")
        fetched.append(name)

    monkeypatch.setattr(josefine_models, "locate", locate)
    monkeypatch.setattr(josefine_models, "fetch", fetch)
    return fetched


def needed(services):
    return [name for service in services for name in service.models]


def test_standard_services_need_the_default_models():
    assert tuple(needed(standard_services())) == DEFAULT_MODELS
    assert needed(StackOptions.from_json(StackOptions().to_json()).services) == list(DEFAULT_MODELS)


def test_models_that_are_named_are_needed_instead(monkeypatch):
    monkeypatch.setenv("JOSEFINE_MODEL", "tiny")
    monkeypatch.setenv("JOSEFINE_MODELS", '["small"]')
    monkeypatch.setenv("JOSEFINE_NLU_MODEL", "/my/pipeline")
    assert needed(standard_services()) == ["silero-vad", "tiny", "small", "/my/pipeline"]
    assert "base" in needed(standard_services({"inference": {"JOSEFINE_MODEL": "base"}}))


@pytest.mark.parametrize("text", ["base", "3", "[3]"])
def test_a_list_of_models_that_is_none_is_left_to_the_service(monkeypatch, text):
    monkeypatch.setenv("JOSEFINE_MODELS", text)
    assert tuple(needed(standard_services())) == DEFAULT_MODELS


def test_only_what_is_missing_is_fetched_once_and_it_is_told(store):
    lines = []
    fetch_models(["here", "missing", "missing"], lines.append)
    assert store == ["missing"]
    assert lines == ["missing: downloading"]


@pytest.mark.parametrize(("name", "kind"), [("no-such", ConfigurationError), ("gone", ModelError)])
def test_a_model_that_cannot_be_had_is_named(store, name, kind):
    with pytest.raises(kind, match=name):
        fetch_models([name], [].append)
