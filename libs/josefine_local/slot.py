"""The place of one role in the stack: which process plays it now, and what became of those before."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from josefine_local.errors import LocalError, StartError
from josefine_local.process import Kind, ManagedProcess, ProcessSpec, log_tail
from josefine_local.restart import RestartHistory

TRIES_AT_START: Final = 3
"""Crashes before the role has been ready once, after which the start is given up."""


@dataclass(frozen=True, slots=True)
class SlotView:
    """What others may know of a role."""

    role: str
    kind: Kind
    pid: int | None
    """None between two lives."""
    ready: bool
    restarts: int
    port: int


class Slot:
    """Starts, probes and restarts the processes of one role. Only the supervisor's thread calls what changes it."""

    def __init__(self, spec: ProcessSpec, log: Path, progress: Callable[[str], None]) -> None:
        self.spec = spec
        self.process: ManagedProcess | None = None
        self.ready = False
        self._log = log
        self._progress = progress
        self._history = RestartHistory()
        self._next_start_s = 0.0
        self._ready_deadline_s = 0.0
        self._starting = True
        self._held = False
        self._hurried = False
        self._stop_deadline_s: float | None = None

    def begin(self, now_s: float) -> None:
        """Starts the first process."""
        self._ready_deadline_s = now_s + self.spec.ready_timeout_s
        self._spawn(now_s)

    def started_once(self) -> None:
        """From now on a crash is mended by a restart, as often as it takes."""
        self._starting = False

    def hold(self) -> None:
        """From now on the process is stopped and stays so. Any thread may call it; the supervisor's acts on it."""
        self._held = True

    def release(self) -> None:
        """Ends `hold`: the process is started at once, also one that waited for its restart. Any thread may call it."""
        # One that runs on keeps the delay that follows its next crash.
        if self._held or self.view().pid is None:
            self._hurried = True
        self._held = False

    def watch(self, now_s: float) -> bool:
        """Does what is due: notices an end, restarts, asks whether it is ready. Returns whether anything changed.

        Raises:
            StartError: this role will not become ready.
        """
        if self._held:
            return self._keep_down(now_s)
        if self.process is None:
            return (self._hurried or now_s >= self._next_start_s) and self._spawn(now_s)
        status = self.process.exit_status()
        if status is not None:
            return self._ended(status, now_s)
        return not self.ready and self._get_ready(now_s)

    def view(self) -> SlotView:
        """Returns what others may know. Any thread may call it."""
        process = self.process
        pid = process.pid if process is not None and process.exit_status() is None else None
        spec, restarts = self.spec, self._history.restarts
        return SlotView(spec.role, spec.kind, pid, self.ready and pid is not None, restarts, spec.port)

    def request_stop(self) -> None:
        """Asks the process to end."""
        if self.process is not None:
            self.process.request_stop()

    def finish(self, deadline_s: float) -> None:
        """Waits for the end of the process until the deadline (time.monotonic), then kills it."""
        if self.process is not None:
            self.process.stop(deadline_s)
            self.process = None
            self.ready = False

    def _spawn(self, now_s: float) -> bool:
        self.spec.prepare()
        self.process = ManagedProcess(self.spec, self._log)
        self._hurried = False
        self._stop_deadline_s = None
        if not self._starting:
            self._ready_deadline_s = now_s + self.spec.ready_timeout_s
        return True

    def _keep_down(self, now_s: float) -> bool:
        if self.process is None:
            return False
        if self._stop_deadline_s is None:
            self.process.request_stop()
            self._stop_deadline_s = now_s + self.spec.stop_timeout_s
        if self.process.exit_status() is None and now_s < self._stop_deadline_s:
            return False
        self.process.kill()  # also what it left in its process group
        self.process = None
        self.ready = False
        self._progress(f"{self.spec.role} is stopped and stays so")
        return True

    def _get_ready(self, now_s: float) -> bool:
        if self.spec.ready():
            return self._became_ready(now_s)
        return now_s > self._ready_deadline_s and self._overdue()

    def _became_ready(self, now_s: float) -> bool:
        # Another program may answer at the port of one that could not bind it and ended.
        if self.process is None or self.process.exit_status() is not None:
            return False
        try:
            self.spec.after_ready()
        except LocalError as error:
            if self._starting:
                raise
            self._progress(f"{self.spec.role}: {error}")
            return False
        self.ready = True
        self._history = self._history.became_ready(now_s)
        self._progress(f"{self.spec.role} is ready")
        return True

    def _ended(self, status: int, now_s: float) -> bool:
        if self.process is not None:
            self.process.kill()  # what it left in its process group
        self.process = None
        self.ready = False
        self._history = self._history.ended(now_s)
        reason = f"{self.spec.role} ended with status {status}"
        hopeless = self._starting and (self.spec.essential or self._history.in_a_row >= TRIES_AT_START)
        if status in self.spec.fatal_statuses or hopeless:
            raise StartError(self._with_log(reason))
        self._next_start_s = now_s + self._history.delay_s
        self._progress(f"{reason}; restart {self._history.restarts} in {self._history.delay_s:.2g} s ({self._log})")
        return True

    def _overdue(self) -> bool:
        reason = f"{self.spec.role} is not ready after {self.spec.ready_timeout_s:.0f} s"
        if self._starting:
            raise StartError(self._with_log(reason))
        self._progress(f"{reason}; killing it")
        if self.process is not None:
            self.process.kill()  # the next watch finds that it has ended
        return True

    def _with_log(self, reason: str) -> str:
        tail = log_tail(self._log)
        return f"{reason}; the end of {self._log}:\n{tail}" if tail else f"{reason}; {self._log} is empty"
