"""The state file of a run folder: what runs there, for other processes to read; and who is still alive."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
from pydantic import TypeAdapter, ValidationError

from josefine_local.process import Kind
from josefine_local.slot import SlotView

SAME_START_S: Final = 1.0
"""A pid is the same process as before if it was started at the same time; the clock's step is 10 ms."""


@dataclass(frozen=True, slots=True)
class Incarnation:
    """A process that cannot be taken for a later one with the same pid."""

    pid: int
    started_s: float
    """Unix epoch."""

    @classmethod
    def of(cls, pid: int) -> "Incarnation | None":
        """Returns the process that has `pid` now; None if there is none, or only its exit status is left."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid, process.create_time())
        except psutil.NoSuchProcess:
            return None

    @classmethod
    def present(cls) -> "Incarnation":
        """Returns this process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def alive(self) -> bool:
        """Returns whether this very process still runs."""
        now = Incarnation.of(self.pid)
        return now is not None and abs(now.started_s - self.started_s) < SAME_START_S


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A role in the state file."""

    role: str
    kind: Kind
    process: Incarnation | None
    ready: bool
    restarts: int
    port: int


@dataclass(frozen=True, slots=True)
class StackState:
    """The state file."""

    supervisor: Incarnation
    run_dir: Path
    bootstrap_servers: str = ""
    """This and what follows is empty until the plan is made."""
    redis_url: str = ""
    delivery: str = ""
    broker: str = ""
    http_url: str = ""
    """The gateway; empty where there is none."""
    ready: bool = False
    """All processes have been ready once."""
    processes: tuple[ProcessState, ...] = field(default_factory=tuple)


_ADAPTER: Final = TypeAdapter(StackState)


def process_states(views: Sequence[SlotView]) -> tuple[ProcessState, ...]:
    """Returns what the state file says of the supervisor's processes."""
    return tuple(
        ProcessState(
            view.role, view.kind, Incarnation.of(view.pid) if view.pid else None, view.ready, view.restarts, view.port
        )
        for view in views
    )


def write_state(file: Path, state: StackState) -> None:
    """Replaces the state file; a reader sees the old or the new one, never a part."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_bytes(_ADAPTER.dump_json(state, indent=2))
    part.replace(file)


def read_state(file: Path) -> StackState | None:
    """Returns the state file's content; None where there is none that this version can read."""
    try:
        return _ADAPTER.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def end_orphans(state: StackState) -> list[str]:
    """Kills what a dead supervisor has left running and returns the roles. On Linux there is nothing (leash.py)."""
    ended = []
    for each in state.processes:
        if each.process is not None and each.process.alive():
            with suppress(ProcessLookupError):
                os.killpg(each.process.pid, signal.SIGKILL)
            ended.append(each.role)
    return ended
