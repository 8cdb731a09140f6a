"""Keeps the processes of a stack running: start in phases, watch, restart with back-off, stop in reverse order."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from josefine_local.errors import StoppedError
from josefine_local.paths import RunDir
from josefine_local.process import ProcessSpec, nothing
from josefine_local.slot import Slot, SlotView

TICK_S: Final = 0.05
"""Time between two looks while something is not ready; once all is ready, four times as long."""
SLICE_S: Final = 0.5
"""The longest that a caller blocks at a time. A signal that comes in the moment before a thread blocks does not wake
it, nor does one that another thread of the process gets: Python handles both when the main thread looks again.
"""


@dataclass(frozen=True, slots=True)
class Phase:
    """Processes that may start together; the next phase starts when all of them are ready."""

    processes: tuple[ProcessSpec, ...]
    after_ready: Callable[[], None] = nothing
    """Called once, when all of them have become ready; raises LocalError."""


class Supervisor:
    """Runs the phases in a thread of its own, which starts every child and lives as long as they do.

    The children die with the thread (leash.py), hence also with this process. Any thread may call the methods.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        run_dir: RunDir,
        progress: Callable[[str], None],
        changed: Callable[[Sequence[SlotView]], None],
    ) -> None:
        """`progress` gets lines for people, `changed` all processes after each change; both in the thread."""
        self._phases = [[Slot(spec, run_dir.log(spec.role), progress) for spec in phase.processes] for phase in phases]
        self._after_ready = [phase.after_ready for phase in phases]
        self._changed = changed
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._looked = threading.Condition()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="josefine-supervisor", daemon=True)

    def start(self) -> None:
        """Returns when every process is ready.

        Raises:
            StartError: one did not get ready, or ended with a status that no restart mends. All are stopped.
            StoppedError: stop() was called meanwhile.
        """
        self._thread.start()
        while not self._settled.wait(SLICE_S):
            pass
        self.check()
        if self._stop.is_set():
            raise StoppedError("stopped before the stack was ready")

    def check(self) -> None:
        """Raises what ended the supervisor, if anything has."""
        if self._failure is not None:
            raise self._failure

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end of the supervisor; returns whether it has ended."""
        deadline_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while self._thread.is_alive() and (left_s := deadline_s - time.monotonic()) > 0:
            self._thread.join(min(left_s, SLICE_S))
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Stops all processes in reverse order and returns when they have ended."""
        self._stop.set()
        self.wait()

    def views(self) -> list[SlotView]:
        """Returns what is known of every process now."""
        return [slot.view() for slot in self._slots()]

    def slot(self, role: str) -> Slot:
        """Returns the slot of a role.

        Raises:
            KeyError: the stack has no such role.
        """
        for slot in self._slots():
            if slot.spec.role == role:
                return slot
        raise KeyError(role)

    def wait_for(self, role: str, wanted: Callable[[Slot], bool], timeout_s: float) -> bool:
        """Waits until the slot of a role is as `wanted`, or the time is over; returns whether it is.

        Raises:
            KeyError: the stack has no such role.
        """
        slot = self.slot(role)
        with self._looked:
            self._looked.wait_for(lambda: wanted(slot) or self._stop.is_set(), timeout_s)
        return wanted(slot)

    def _slots(self) -> list[Slot]:
        return [slot for phase in self._phases for slot in phase]

    def _run(self) -> None:
        try:
            self._start_phases()
            self._settled.set()
            while not self._stop.wait(4 * TICK_S):
                self._watch(self._slots())
        except BaseException as failure:  # noqa: BLE001 - the thread's boundary: start() and check() raise it
            self._failure = failure
        finally:
            self._stop.set()
            self._tell()
            self._stop_all()
            self._settled.set()

    def _start_phases(self) -> None:
        started: list[Slot] = []
        for phase, after_ready in zip(self._phases, self._after_ready, strict=True):
            started += phase
            # All of them first: the nodes of a cluster wait for each other, and none is to wait for another's folder.
            for slot in phase:
                slot.spec.prepare()
            for slot in phase:
                slot.begin(time.monotonic())
            self._changed(self.views())
            while not all(slot.ready for slot in started):
                self._watch(started)
                if self._stop.wait(TICK_S):
                    return
            after_ready()
            for slot in phase:
                slot.started_once()

    def _watch(self, slots: Sequence[Slot]) -> None:
        changes = [slot.watch(time.monotonic()) for slot in slots]
        if any(changes):
            self._changed(self.views())
            self._tell()

    def _tell(self) -> None:
        with self._looked:
            self._looked.notify_all()

    def _stop_all(self) -> None:
        for phase in reversed(self._phases):
            for slot in phase:
                slot.request_stop()
            asked_s = time.monotonic()
            for slot in phase:
                slot.finish(asked_s + slot.spec.stop_timeout_s)
