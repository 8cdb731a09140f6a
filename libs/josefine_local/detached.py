"""A stack in a process of its own: started and left running, and stopped from elsewhere."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from josefine_local.errors import LocalError, StartError
from josefine_local.options import StackOptions
from josefine_local.paths import SUPERVISOR, RunDir, default_run_dir
from josefine_local.process import log_tail
from josefine_local.stack import RunningStack, attach
from josefine_local.state import end_orphans, read_state

STOP_TIMEOUT_S: Final = 90.0
"""More than the deadlines of services, store and broker together."""


class _FailedError(LocalError):
    """What the detached process could not do, in its own words."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def start_detached(options: StackOptions, progress: Callable[[str], None]) -> RunningStack:
    """Starts the stack in a new session and returns when it is ready. The stack outlives this process from then on.

    Raises:
        LocalError: it did not become ready; nothing is left running. So it is on any other exception.
    """
    run_dir = RunDir(options.run_dir or default_run_dir())
    run_dir.create()
    with run_dir.log(SUPERVISOR).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "josefine_local.daemon"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        _follow(process, options, progress, run_dir)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    stack = attach(run_dir.root)
    if stack is None:
        raise StartError(f"the stack ended as soon as it was ready; see {run_dir.log(SUPERVISOR)}")
    return stack


def stop_running(run_dir: Path | None = None) -> int | None:
    """Stops the stack of a run folder and returns its supervisor's pid, or None where none runs."""
    state = read_state(RunDir(run_dir or default_run_dir()).state_file)
    if state is None:
        return None
    if not state.supervisor.alive():
        end_orphans(state)
        return None
    supervisor = psutil.Process(state.supervisor.pid)
    supervisor.terminate()
    try:
        supervisor.wait(STOP_TIMEOUT_S)
    except psutil.TimeoutExpired:
        supervisor.kill()  # its children die with it
        supervisor.wait()
        end_orphans(state)
    return state.supervisor.pid


def _follow(
    process: "subprocess.Popen[str]", options: StackOptions, progress: Callable[[str], None], run_dir: RunDir
) -> None:
    """Passes on what the detached process says, until it is ready."""
    assert process.stdin is not None  # noqa: S101 - Popen was given pipes
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(options.to_json())
    process.stdin.close()
    for line in process.stdout:
        message: dict[str, Any] = json.loads(line)
        if "ready" in message:
            return
        if "failed" in message:
            raise _FailedError(message["failed"], message["exit_status"])
        progress(message["progress"])
    status = process.wait()
    tail = log_tail(run_dir.log(SUPERVISOR))
    raise StartError(f"the supervisor ended with status {status}; the end of {run_dir.log(SUPERVISOR)}:\n{tail}")
