"""Each peer in a virtual environment of its own: its pins and Josefine's need not agree."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.streaming.system import SystemFailedError
from josefine_models.paths import models_dir

REQUIREMENTS: Final = Path(__file__).with_name("requirements")
INSTALL_S: Final = 1800.0
"""torch alone is some 5 GB."""
STAMP: Final = "requirements.sha256"


def default_cache() -> Path:
    """Returns where environments are kept."""
    return models_dir().parent / "bench-peers"


def environment(name: str, cache: Path, progress: Callable[[str], None]) -> Path:
    """Returns the Python of a peer's environment, made where it is missing or its pins have changed.

    Raises:
        SystemFailedError: it cannot be installed; the message has pip's own reason.
    """
    requirements, folder = REQUIREMENTS / f"{name}.txt", cache / name
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = folder / STAMP
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        progress(f"{name}: installing its pinned packages into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], name)
        # The pins are everything: what a package wants besides (a microphone's driver) is left out on purpose.
        pip = [str(python_of(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--requirement", str(requirements)], name)
        stamp.write_text(wanted, encoding="utf-8")
    return python_of(folder)


def python_of(folder: Path) -> Path:
    """Returns the interpreter of an environment."""
    return folder / "bin" / "python"


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise SystemFailedError(f"{name}: not installed within {INSTALL_S / 60:.0f} minutes") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reasons = [line for line in lines if line.startswith("ERROR")] or lines or ["no reason given"]
        raise SystemFailedError(f"{name}: cannot be installed: {reasons[-1]}")
