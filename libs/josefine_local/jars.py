"""The broker's jars in the cache: fetched once, checked against the lock at every start."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from josefine_local.errors import FetchError
from josefine_local.file_lock import locked
from josefine_local.jar_lock import Jar, kafka_version, locked_jars
from josefine_local.jar_sources import copy_with_maven, download, maven_program
from josefine_local.paths import cache_dir

Progress = Callable[[str], None]


def jar_folder() -> Path:
    """Returns where the jars of the locked version are kept, there or not."""
    return cache_dir() / "kafka" / kafka_version(locked_jars())


def missing_jars(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    """Returns the jars that are not in the folder, or are there with other content than the lock says."""
    return [jar for jar in jars if not _is(jar, folder / jar.file_name)]


def ensure_jars(progress: Progress) -> tuple[Path, ...]:
    """Returns the files of the class path, in the order of the lock, after fetching what is missing.

    Two processes never fetch at once: the second waits and finds the work done.

    Raises:
        FetchError: a jar cannot be had, or is not the one of the lock.
    """
    jars = locked_jars()
    folder = jar_folder()
    if missing_jars(jars, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / f"{folder.name}.lock"):
            missing = missing_jars(jars, folder)
            if missing:
                progress(f"fetching {len(missing)} jars of Apache Kafka {kafka_version(jars)} into {folder}")
                _fetch(missing, folder, progress)
    return tuple(folder / jar.file_name for jar in jars)


def _fetch(jars: Sequence[Jar], folder: Path, progress: Progress) -> None:
    # Inside the folder, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as staging:
        _fill(jars, Path(staging), progress)
        _check(jars, Path(staging))
        for jar in jars:
            (Path(staging) / jar.file_name).replace(folder / jar.file_name)


def _fill(jars: Sequence[Jar], staging: Path, progress: Progress) -> None:
    program = maven_program()
    if program is not None:
        try:
            copy_with_maven(program, jars, staging)
        except FetchError as error:
            progress(f"{error}; downloading without Maven")
        else:
            return
    download(jars, staging)


def _check(jars: Iterable[Jar], folder: Path) -> None:
    for jar in jars:
        file = folder / jar.file_name
        if not file.is_file():
            raise FetchError(f"{jar.file_name}: not delivered")
        if not _is(jar, file):
            raise FetchError(
                f"{jar.file_name}: the SHA-256 is {sha256(file)}, the lock says {jar.sha256}; "
                "the repository gives another file than the one that was tested"
            )


def _is(jar: Jar, file: Path) -> bool:
    return file.is_file() and sha256(file) == jar.sha256


def sha256(file: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
