"""A running stack and what may be done to it: processes found, one more instance of a service beside the first."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.request import urlopen

from deadlines import wait_until
from prometheus_client.parser import text_string_to_metric_families

from josefine_local.process import leashed
from josefine_local.stack import LocalStack

ROOT: Final = Path(__file__).parents[2]
SETTLE_S: Final = 240.0
"""A window that hangs has three deadlines, each longer than the one before."""
LOADS_FIRST: Final = ("inference",)
"""Services whose one more instance joins its group when it has loaded a model, and by then all may be said."""

Noticed = Callable[[], bool] | None
"""How to see that the engine has noticed a fault, or None where there is nothing to notice."""


@dataclass
class Scene:
    """A running stack and what a fault may do to it. Called from the fault's thread."""

    stack: LocalStack
    stop: threading.Event = field(default_factory=threading.Event)
    speaking: Callable[[], int] = lambda: 0
    """Number of sessions in flight."""
    replica: "Replica | None" = None
    """One more instance of a service, where the fault has one."""

    def pid(self, role: str) -> int:
        """Returns the pid of a process."""
        return self.stack.process(role).pid

    def child(self) -> int:
        """Returns the pid of the first device's child."""
        return self.wait_for(self._child, "a device child")

    def restarts(self, role: str) -> int:
        """Returns how often the supervisor has restarted a role."""
        return next(each.restarts for each in self.stack.status().processes if each.role == role)

    def child_restarts(self) -> int:
        """Returns how often the present inference process has replaced a child; -1 while it cannot be asked."""
        devices = self._devices()
        return sum(device.restarts for device in devices) if devices else -1

    def environment(self, role: str) -> dict[str, str]:
        """Returns the environment that a role was started with."""
        return {**os.environ, **self.stack.process(role).spec.environment}

    def generation(self, role: str) -> float:
        """Returns the generation of a service's consumer group: it grows with every rebalance."""
        port = next(each.port for each in self.stack.status().processes if each.role == role)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return next(s.value for f in families for s in f.samples if s.name == "josefine_stage_group_generation")

    def ready(self) -> bool:
        """Returns whether every process is ready and a device child is there."""
        return all(each.ready for each in self.stack.status().processes) and self._child() is not None

    def wait_for(self, found: Callable[[], Any], what: str, within_s: float = SETTLE_S) -> Any:
        """Returns the first true answer."""
        return wait_until(
            found, within_s=within_s, meanwhile=lambda: self.stop.wait(0.05), awaited=lambda: f"waited for {what}"
        )

    def pause(self, seconds: float) -> None:
        """Lets time pass."""
        self.stop.wait(seconds)

    def _child(self) -> int | None:
        devices = self._devices()
        return devices[0].pid if devices else None

    def _devices(self) -> Sequence[Any]:
        return next(each.devices for each in self.stack.status().processes if each.role == "inference") or ()


Strike = Callable[[Scene], Noticed]
"""Does something to the engine."""


class Replica:
    """One more instance of a service, with the settings of the first, for the time of a context.

    A service that loads a model joins its group when it can work. So it loads before the speech and is stopped then,
    until it is to join.
    """

    def __init__(self, scene: Scene, role: str, *arguments: str, **environment: str) -> None:
        """`arguments`: for Python, instead of those that run the service."""
        name = f"{role}-{uuid.uuid4().hex[:6]}"
        self._scene = scene
        self._role = role
        self._command = leashed((sys.executable, *(arguments or ("-m", f"josefine_{role}"))))
        self._environment = {**scene.environment(role), "JOSEFINE_INSTANCE_ID": name, **environment}
        self._environment.pop("JOSEFINE_METRICS_PORT")
        self._log = scene.stack.run_dir / "logs" / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._role in LOADS_FIRST:
            try:
                self._load()
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _load(self) -> None:
        process = self._start()
        self._wait_for_log("joins_when_ready")
        process.send_signal(signal.SIGSTOP)
        self._wait_for_log("model_loaded")  # by its child
        assert "partitions_assigned" not in self._log.read_text(encoding="utf-8"), "stopped too late"

    def join(self) -> None:
        """Lets it join."""
        if self._process is None:
            self._start()
        else:
            self._process.send_signal(signal.SIGCONT)

    def await_partitions(self) -> None:
        """Returns when it has its share of them."""
        self._wait_for_log('"start": {"')

    def leave(self) -> None:
        """Ends it, in good order."""
        assert self._process is not None, "it has not joined"
        self._process.terminate()
        assert self.ended() == 0

    def ended(self) -> int:
        """Waits for its end and returns its exit status."""
        process = self._process
        assert process is not None, "it has not joined"
        self._scene.wait_for(lambda: process.poll() is not None, f"the second {self._role} to end")
        return process.returncode

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stderr=log)
        return self._process

    def _wait_for_log(self, text: str) -> None:
        log = self._log.read_text
        self._scene.wait_for(lambda: text in log(encoding="utf-8"), f"{text} of the second {self._role}")
