"""Processes that are killed, stopped, joined by others, or told the wrong time."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scene import Noticed, Scene, Strike

from josefine_local.process import leashed

SESSION_TIMEOUT_S = 6.0
"""After which a group takes a silent member's partitions away (josefine_local)."""
SUCCESSION_S = SESSION_TIMEOUT_S + 3.0
"""After which another replica has a silent member's partitions."""
ROOT = Path(__file__).parents[2]


def kill(role: str) -> Strike:
    def strike(scene: Scene) -> Noticed:
        before = scene.restarts(role)
        os.kill(scene.pid(role), signal.SIGKILL)
        return lambda: scene.restarts(role) > before

    return strike


def hang(role: str, seconds: float) -> Strike:
    """Stops a process and lets it go on, which must not write what others have written meanwhile."""

    def strike(scene: Scene) -> Noticed:
        process = scene.stack.process(role)
        process.pause()
        scene.pause(seconds)
        process.resume()
        return None

    return strike


def zombie(role: str) -> Strike:
    """Another replica takes the partitions of a stopped one, which then goes on."""

    def strike(scene: Scene) -> Noticed:
        with replica(scene, role):
            hang(role, SUCCESSION_S)(scene)
            assert scene.speaking(), "the zombie woke when all was over"
            scene.pause(SESSION_TIMEOUT_S)
        return None

    return strike


def rebalance(role: str) -> Strike:
    """A replica joins and leaves."""

    def strike(scene: Scene) -> Noticed:
        with replica(scene, role):
            scene.pause(6.0)
        return None

    return strike


def killed_at(role: str, point: str, calls: int) -> Strike:
    """A second instance takes over partitions and kills itself at a point of the delivery guarantee."""

    def strike(scene: Scene) -> Noticed:
        with started(scene, role, "tests/chaos/fault_points.py", role, point, str(calls)) as process:
            scene.wait_for(lambda: process.poll() is not None, f"{role} to kill itself: {point}")
            assert process.returncode == -signal.SIGKILL
        return None

    return strike


def step_clock(seconds: float) -> Strike:
    """The wall clock of all services jumps and jumps back."""

    def strike(scene: Scene) -> Noticed:
        file = scene.stack.run_dir / "clock"
        file.write_text(str(seconds))
        scene.pause(5.0)
        file.write_text("0")
        return None

    return strike


@contextmanager
def replica(scene: Scene, role: str) -> Iterator[None]:
    """Runs one more instance of a service, which has to end in good order."""
    with started(scene, role, "-m", f"josefine_{role}") as process:
        yield
        process.terminate()
        status = process.wait(timeout=60)
    assert status == 0, f"the second {role} ended with status {status}"


@contextmanager
def started(scene: Scene, role: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs one more instance of a service with the settings of the first; its log lies beside the others."""
    name = f"{role}-{uuid.uuid4().hex[:6]}"
    environment = {**scene.environment(role), "JOSEFINE_INSTANCE_ID": name, **environment}
    environment.pop("JOSEFINE_METRICS_PORT")
    command = leashed((sys.executable, *arguments))
    with log_of_replica(scene, role).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def log_of_replica(scene: Scene, role: str) -> Path:
    """Returns the log of the last instance that was started."""
    return scene.stack.run_dir / "logs" / f"{role}-replica.log"
