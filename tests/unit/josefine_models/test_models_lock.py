import re

from josefine_models.lock import models


def test_the_models_that_the_stack_needs_are_known():
    assert {"tiny.en", "base", "silero-vad", "spacy-en-md"} <= set(models())


def test_every_package_is_pinned_and_every_file_has_a_checksum():
    for model in models().values():
        assert model.licence
        assert all(re.fullmatch(r"[\w-]+==[\w.]+", requirement) for requirement in model.requirements)
        assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in model.files)
        assert len({file.name for file in model.files}) == len(model.files)


def test_no_file_leaves_its_models_folder():
    names = [file.name for model in models().values() for file in model.files]
    assert not [name for name in names if name.startswith("/") or ".." in name.split("/")]


def test_a_file_may_come_in_parts():
    weights = next(file for file in models()["base"].files if file.name == "model.bin")
    assert len(weights.sources) == 2
    assert len(models()["base"].requirements) == 2
