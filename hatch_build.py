"""Compiles the kernels of josefine_speech when the distribution is built or installed.

The compiler is clang, which comes in the package ziglang: the same one on every machine, and none has to be there.
"""

import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = "libs/josefine_speech/kernels"
# Levels of the x86-64 psABI; which of them a processor has is found out where the kernels are loaded.
X86_64_SETS = ("x86_64_v3", "x86_64_v4")
FLAGS = (
    "-O3",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    "-mprefer-vector-width=512",
    "-s",
    "-Wall",
    "-Wextra",
    "-Werror",
)


class KernelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts features-<instruction set>.so beside the sources, also for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compiles; the wheel is one for this platform."""
        if self.target_name != "wheel":
            return
        folder = Path(self.root) / KERNELS
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(f"{KERNELS}/*.so")
        for old in folder.glob("*.so"):
            old.unlink()
        _compile(folder, "baseline", "features.c", "processor.c")
        if platform.machine() in {"x86_64", "AMD64"}:
            for instruction_set in X86_64_SETS:
                _compile(folder, instruction_set, "features.c")


def _compile(folder: Path, instruction_set: str, *sources: str) -> None:
    library = folder / f"features-{instruction_set}.so"
    with tempfile.TemporaryDirectory() as cache:
        environment = {"PATH": "", "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, f"-mcpu={instruction_set}", "-o", str(library)]
        subprocess.run([*command, *sources], cwd=folder, env=environment, check=True)
