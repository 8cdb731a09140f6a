"""Compiles the kernels of josefine_speech when the distribution is built or installed.

The compiler is clang, which comes in the package ziglang: the same one on every machine, and none has to be there.
"""

import os
import platform
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import ziglang
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
        compiled = {"baseline": ("features.c", "processor.c")}
        if platform.machine() in {"x86_64", "AMD64"}:
            compiled |= dict.fromkeys(X86_64_SETS, ("features.c",))
        with tempfile.TemporaryDirectory() as scratch:
            for instruction_set, sources in compiled.items():
                _compile(folder, instruction_set, sources, Path(scratch) / _name(instruction_set))
            # What is there stays until it is replaced: a service may be starting meanwhile.
            for name in map(_name, compiled):
                beside = folder / f".{os.getpid()}-{name}"
                shutil.copy(Path(scratch) / name, beside)
                beside.replace(folder / name)


def _name(instruction_set: str) -> str:
    return f"features-{instruction_set}.so"


def _compile(folder: Path, instruction_set: str, sources: tuple[str, ...], library: Path) -> None:
    # Not by python -m: in an environment that pip isolates, the packages are this process's alone.
    zig = Path(ziglang.__file__).with_name("zig")
    caches = {"ZIG_GLOBAL_CACHE_DIR": str(library.parent), "ZIG_LOCAL_CACHE_DIR": str(library.parent)}
    command = [str(zig), "cc", *FLAGS, f"-mcpu={instruction_set}", "-o", str(library), *sources]
    subprocess.run(command, cwd=folder, env=os.environ | caches, check=True)
