"""The lock file of models: what is known, where its files come from, and their checksums."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel."""

    requirement: str
    """Package and version, as pip takes it."""
    path: str
    """Path inside the wheel."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model."""

    name: str
    """Path inside the model's folder, with slashes."""
    size_bytes: int
    sha256: str
    sources: tuple[WheelSource, ...]
    """The file is these, one behind the other."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be fetched."""

    name: str
    about: str
    licence: str
    files: tuple[ModelFile, ...]
    python_version: str | None
    """Python that pip has to assume, where the wheel asks for a newer one than its data needs."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """Packages to download, each once."""
        return tuple(dict.fromkeys(source.requirement for file in self.files for source in file.sources))

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)


@cache
def models() -> Mapping[str, Model]:
    """Returns the known models by name, in the order of the lock file."""
    content = tomllib.loads((files("josefine_models") / "models.lock").read_text(encoding="utf-8"))
    return {name: _model(name, entry) for name, entry in content["models"].items()}


def _model(name: str, entry: Mapping[str, Any]) -> Model:
    return Model(
        name=name,
        about=entry["about"],
        licence=entry["licence"],
        files=tuple(_file(file) for file in entry["files"]),
        python_version=entry.get("python_version"),
    )


def _file(entry: Mapping[str, Any]) -> ModelFile:
    return ModelFile(
        name=entry["name"],
        size_bytes=entry["bytes"],
        sha256=entry["sha256"],
        sources=tuple(WheelSource(*source.split(":", 1)) for source in entry["sources"]),
    )
