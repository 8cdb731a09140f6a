"""A peer's server as a process of its own: started on a free port, waited for, watched, ended with its children."""

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from bench.streaming.system import Client, SystemFailedError
from bench.usage import NOTHING, Usage, of_process
from josefine_local.ports import HOST, free_ports
from josefine_local.process import ManagedProcess, ProcessSpec, log_tail

READY_S: Final = 120.0
STOP_S: Final = 5.0
LOOK_S: Final = 0.2
"""Between two looks whether it is ready: a program of others has no event to wait for, and it loads for seconds."""
THREADS: Final = {
    "OMP_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1",
}
"""All cores of the machine that the figures are for, and threads that sleep while they wait: spinning ones take the
cores from each other (faster-whisper in float32 is three times as fast for it when the cores are shared). And nobody
looks for a hub that is not there.
"""


@dataclass(frozen=True, slots=True)
class Program:
    """How a server is called."""

    argv: Callable[[int], Sequence[str]]
    """Takes the port."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(THREADS))


class Server:
    """One server. The thread that starts it has to live as long as it (see josefine_local.leash)."""

    def __init__(self, name: str, program: Program, folder: Path) -> None:
        self._name, self._program, self._folder = name, program, folder
        self._process: ManagedProcess | None = None
        self.port = 0

    def start(self, ready: Callable[[int], bool] | None = None) -> None:
        """Returns when it listens, and `ready` (called with the port) says that it is.

        Raises:
            SystemFailedError: it ended, or was not ready in time; with its last words.
        """
        [self.port] = free_ports(1)
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"{self._name}.log"
        log.unlink(missing_ok=True)
        spec = ProcessSpec(self._name, "service", tuple(self._program.argv(self.port)), self._program.environment)
        self._process = ManagedProcess(spec, log)
        deadline_s = time.monotonic() + READY_S
        while not (_listens(self.port) and (ready is None or ready(self.port))):
            status = self._process.exit_status()
            if status is not None or time.monotonic() > deadline_s:
                self.stop()
                what = f"ended with status {status}" if status is not None else f"is not ready after {READY_S:.0f} s"
                raise SystemFailedError(f"{self._name} {what}: {log_tail(log, 3)}")
            time.sleep(LOOK_S)  # a program of others has no event to wait for

    def stop(self) -> None:
        """Ends it and its children. A second call does nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.request_stop()
            process.stop(time.monotonic() + STOP_S)

    def usage(self) -> dict[str, Usage]:
        """Returns what the server and its children have used.

        Raises:
            SystemFailedError: it does not run any more.
        """
        if self._process is None or self._process.exit_status() is not None:
            raise SystemFailedError(f"{self._name} does not run any more")
        root = psutil.Process(self._process.pid)
        return {"server": sum(map(_usage, (root, *root.children(recursive=True))), NOTHING)}


class ServedSystem(ABC):
    """A system (bench.streaming.system) that is one server; which, and who speaks to it, its subclasses say."""

    def __init__(self) -> None:
        self._server: Server | None = None

    def start(self) -> None:
        self._server = self._made()
        self._server.start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def connect(self) -> Client:
        return self._client(HOST, self._server.port if self._server else 0)

    def usage(self) -> Mapping[str, Usage]:
        return self._server.usage() if self._server else {}

    @abstractmethod
    def _made(self) -> Server:
        """Returns the server, not started yet.

        Raises:
            SystemFailedError: it cannot be had.
        """

    @abstractmethod
    def _client(self, host: str, port: int) -> Client:
        """Returns a client of its own protocol."""


def _usage(process: psutil.Process) -> Usage:
    with suppress(psutil.NoSuchProcess):
        return of_process(process)
    return NOTHING


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
