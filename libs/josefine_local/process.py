"""One supervised program: how it is started, asked whether it is ready, stopped, killed, paused."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

LEASH: Final = Path(__file__).with_name("leash.py")
LOG_TAIL_BYTES: Final = 8192


Kind = Literal["broker", "store", "service"]


def always() -> bool:
    """Readiness of a program that has no way to tell: it is ready as soon as it runs."""
    return True


def nothing() -> None:
    """What has to be done before or after a program that needs nothing."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A role of the stack and the program that plays it."""

    role: str
    kind: Kind
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of the supervisor."""
    port: int = 0
    """Where it listens (a service: for its metrics and readiness); 0: nowhere."""
    prepare: Callable[[], None] = nothing
    """Called before every start, before the first one twice; raises LocalError."""
    ready: Callable[[], bool] = always
    """A short probe that does not raise."""
    after_ready: Callable[[], None] = nothing
    """Called every time the program has become ready; raises LocalError."""
    ready_timeout_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    """After it the process group gets SIGKILL."""
    fatal_statuses: frozenset[int] = frozenset()
    """Exit statuses that no restart can mend."""
    essential: bool = False
    """An exit before the stack has been ready once ends the start at once."""


def leashed(argv: Sequence[str]) -> list[str]:
    """Returns the command that runs `argv` as a child that dies with the calling thread (see leash.py)."""
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *argv]


class ManagedProcess:
    """A running program in a session and process group of its own, so that its children end with it.

    It lives no longer than the thread that calls the constructor (see leash.py): call it from one that lasts.
    Any thread may call the methods.
    """

    def __init__(self, spec: ProcessSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        command = leashed(spec.argv)
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **spec.environment},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, and id of the process group."""
        return self._popen.pid

    def exit_status(self) -> int | None:
        """Returns the exit status (minus the signal's number where one killed it), or None while it runs."""
        return self._popen.poll()

    def request_stop(self) -> None:
        """Sends the polite signal."""
        self._send(self.spec.stop_signal)

    def stop(self, deadline_s: float) -> None:
        """Waits until `deadline_s` (time.monotonic) for the end, then kills. Call request_stop before.

        A paused program cannot act on the polite signal; it is killed at the deadline like one that hangs.
        """
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(0.0, deadline_s - time.monotonic()))
        self.kill()

    def kill(self) -> None:
        """Kills the whole process group, also what a dead leader has left in it, and waits for the leader."""
        self._send_group(signal.SIGKILL)
        self._popen.wait()

    def pause(self) -> None:
        """Stops the group in its tracks and returns when the leader stands: connections stay, nothing answers."""
        self._send_group(signal.SIGSTOP)
        # Signals are not delivered in the order they are sent: one sent now could still come before SIGSTOP.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self._popen.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Lets a paused group go on."""
        self._send_group(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._popen.send_signal(number)

    def _send_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)


def log_tail(log: Path, lines: int = 12) -> str:
    """Returns the last lines of a log, or an empty text where there is none."""
    try:
        with log.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            text = opened.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
