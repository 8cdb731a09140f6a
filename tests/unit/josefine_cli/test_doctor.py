import importlib.util

import josefine_models
from josefine_cli import doctor
from josefine_models.paths import models_dir


def test_what_a_checkout_lacks_is_mended_by_make(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "soxr" else find(name))
    finding = doctor._packages()
    assert not finding.ok
    assert finding.found == "soxr (of ingest): make setup"


def test_the_folder_of_models_is_named(monkeypatch):
    monkeypatch.setattr(josefine_models, "verify", lambda name: None)
    assert str(models_dir()) in doctor._models().found
