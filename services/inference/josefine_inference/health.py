"""What the driver says of a device, asked by a process of its own: a hung driver hangs whoever asks it.

Nothing here waits. An answer that does not come in time is an answer: the device is not healthy.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

import structlog

MOST_BYTES: Final = 64 * 1024
"""Read of an answer, which is one line."""
PROBED: Final = "cuda"
"""Devices whose name begins so have a driver that can be asked."""


@dataclass(frozen=True, slots=True)
class Health:
    """One answer. What the driver does not tell is None."""

    healthy: bool | None
    """None: it cannot be told, as where the driver's library is missing. Such a device is judged by its work alone."""
    reason: str = ""
    """Why it is not healthy, or cannot be told."""
    uuid: str | None = None
    name: str | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_celsius: int | None = None
    ecc_uncorrected_errors: int | None = None
    """Since the driver was loaded. Shown, not judged: a program that such an error hit is told by CUDA."""
    retired_pages_pending: bool | None = None
    """Memory waits to be retired at the next reset. Shown, not judged."""

    @classmethod
    def parsed(cls, line: bytes) -> Self:
        """Returns the health that a probe has printed.

        Raises:
            ValueError: it is none.
        """
        values = json.loads(line)
        if not isinstance(values, dict) or not isinstance(values.get("reason", ""), str):
            raise ValueError("no object with a reason of text")  # noqa: TRY004 - as json's own errors
        if "healthy" not in values or values["healthy"] not in (True, False, None):
            raise ValueError("no healthy: true, false or null")
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True, slots=True)
class HealthOptions:
    """How a device's driver is asked."""

    interval_s: float = 30.0
    limit_s: float = 20.0
    """Time for an answer. Without a process that keeps it loaded, the driver takes seconds for each card to start."""
    program: tuple[str, ...] = (sys.executable, "-m", "josefine_inference.health_probe")
    """Gets `--parent PID DEVICE` and prints a line of JSON, the fields of Health."""


@dataclass(slots=True)
class _Probe:
    """A probe that runs."""

    process: subprocess.Popen[bytes]
    asked_s: float
    overdue: bool = False


@dataclass(slots=True)
class HealthWatch:
    """Asks about one device from time to time. Called from one thread."""

    options: HealthOptions
    device: str
    """Whose health it is; one that no driver stands behind is never asked about."""
    last: Health | None = None
    """The last answer."""
    asked_s: float = -1.0
    """When it was asked for."""
    _due_s: float = 0.0
    _probe: _Probe | None = field(default=None, init=False)

    @property
    def probed(self) -> bool:
        """Whether there is a driver to ask."""
        return self.device.startswith(PROBED)

    def ask(self, now_s: float) -> None:
        """Asks anew, as soon as the probe that may be running is over."""
        self._due_s = now_s

    def look(self, now_s: float) -> None:
        """Takes an answer, ends a probe that is overdue, starts one that is due."""
        if self._probe:
            self._look_at(self._probe, now_s)
        elif self.probed and now_s >= self._due_s:
            self._start(now_s)

    def fine_since(self, then_s: float) -> bool:
        """Returns whether nothing speaks against the device in an answer that was asked for after `then_s`."""
        return not self.probed or (self.last is not None and self.last.healthy is not False and self.asked_s >= then_s)

    def ill(self) -> str | None:
        """Returns why the device is not healthy by the last answer."""
        return self.last.reason or "no reason given" if self.last and self.last.healthy is False else None

    def close(self) -> None:
        """Kills a probe that runs and does not wait for it."""
        if self._probe:
            _kill(self._probe.process)
            _close(self._probe.process)

    def _start(self, now_s: float) -> None:
        self._due_s = now_s + self.options.interval_s
        command = [*self.options.program, "--parent", str(os.getpid()), self.device]
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, process_group=0)
        except OSError as error:  # no process, or no memory for one: that says nothing of the device
            self._take(Health(healthy=None, reason=f"the health probe cannot be started: {error}"), now_s)
            return
        self._probe = _Probe(process, now_s)

    def _look_at(self, probe: _Probe, now_s: float) -> None:
        if probe.process.poll() is not None:
            self._probe = None
            if not probe.overdue:
                self._answered(probe, _printed(probe.process))
            _close(probe.process)
        elif not probe.overdue and now_s - probe.asked_s > self.options.limit_s:
            # Perhaps it cannot be killed: no other is started before it is gone.
            probe.overdue = True
            _kill(probe.process)
            reason = f"the driver did not answer within {self.options.limit_s:g} s"
            self._take(Health(healthy=False, reason=reason), probe.asked_s)

    def _answered(self, probe: _Probe, printed: bytes) -> None:
        try:
            health = Health.parsed(printed)
        except ValueError as error:
            reason = f"the health probe ended with status {probe.process.returncode} and said nothing clear: {error}"
            health = Health(healthy=None, reason=reason)
        self._take(health, probe.asked_s)

    def _take(self, health: Health, asked_s: float) -> None:
        if self.last is None or (health.healthy, health.reason) != (self.last.healthy, self.last.reason):
            facts: dict[str, Any] = {"device": self.device, "healthy": health.healthy, "reason": health.reason}
            structlog.get_logger().log(30 if health.healthy is False else 20, "device_health_changed", **facts)
        self.last, self.asked_s = health, asked_s


def _printed(process: subprocess.Popen[bytes]) -> bytes:
    if process.stdout is None:
        return b""
    # What a process of the probe's own may still hold open must not be waited for.
    os.set_blocking(process.stdout.fileno(), False)
    try:
        return os.read(process.stdout.fileno(), MOST_BYTES)
    except BlockingIOError:
        return b""


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdout:
        process.stdout.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.killpg(process.pid, signal.SIGKILL)
