"""Processes that are killed, stopped, joined by others, or told the wrong time."""

import os
import signal
from collections.abc import Callable

from scene import Noticed, Replica, Scene, Strike

SESSION_TIMEOUT_S = 6.0
"""After which a group takes a silent member's partitions away (josefine_local)."""
SUCCESSION_S = SESSION_TIMEOUT_S + 3.0
"""After which another replica has a silent member's partitions."""


def kill(role: str) -> Strike:
    def strike(scene: Scene) -> Noticed:
        before = scene.restarts(role)
        os.kill(scene.pid(role), signal.SIGKILL)
        return lambda: scene.restarts(role) > before

    return strike


def hang(role: str, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> Strike:
    """Stops a process and lets it go on, which must not write what others have written meanwhile."""

    def strike(scene: Scene) -> Noticed:
        process = scene.stack.process(role)
        process.pause()
        scene.pause(seconds)
        meanwhile()
        process.resume()
        return None

    return strike


def zombie(role: str) -> Strike:
    """Another replica takes the partitions of a stopped one, which then goes on."""

    def strike(scene: Scene) -> Noticed:
        replica = replica_of(scene)
        replica.join()
        hang(role, SUCCESSION_S, meanwhile=replica.await_partitions)(scene)
        assert scene.speaking(), "the zombie woke when all was over"
        scene.pause(SESSION_TIMEOUT_S)
        replica.leave()
        return None

    return strike


def rebalance(scene: Scene) -> Noticed:
    """A replica joins and leaves."""
    replica = replica_of(scene)
    replica.join()
    replica.await_partitions()
    scene.pause(3.0)
    replica.leave()
    return None


def kills_itself(scene: Scene) -> Noticed:
    """A replica takes over partitions and kills itself at the point of the delivery guarantee that it was told."""
    replica = replica_of(scene)
    replica.join()
    assert replica.ended() == -signal.SIGKILL
    return None


def step_clock(seconds: float) -> Strike:
    """The wall clock of all services jumps and jumps back."""

    def strike(scene: Scene) -> Noticed:
        file = scene.stack.run_dir / "clock"
        file.write_text(str(seconds))
        scene.pause(5.0)
        file.write_text("0")
        return None

    return strike


def one_more(role: str, *arguments: str) -> Callable[[Scene], Replica]:
    """Returns how to make one more instance of a service. `arguments`: for Python, instead of the service."""
    return lambda scene: Replica(scene, role, *arguments)


def replica_of(scene: Scene) -> Replica:
    """Returns the one more instance that the fault was given."""
    assert scene.replica is not None, "this fault needs one more instance of a service"
    return scene.replica
