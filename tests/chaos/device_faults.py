"""Device children that are killed from outside or told to fail from inside (docs/fault-injection.md)."""

import json
import os
import signal
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from process_faults import replica_of
from scene import Noticed, Replica, Scene, Strike


def kill_child(scene: Scene) -> Noticed:
    before, child = scene.child_restarts(), scene.child()
    os.kill(child, signal.SIGKILL)
    return lambda: scene.child_restarts() > before


def stop_child(scene: Scene) -> Noticed:
    before, child = scene.child_restarts(), scene.child()
    os.kill(child, signal.SIGSTOP)
    return lambda: scene.child_restarts() > before


def failing_child(fault: str, *, replaced: bool = True, **how: Any) -> Strike:
    """The next batch makes the child fail; `replaced`: so badly that there has to be another one."""

    def strike(scene: Scene) -> Noticed:
        before, name = scene.child_restarts(), uuid.uuid4().hex
        file = tell(scene, {"name": name, "fault": fault, "when": {"batch": "any"}, "times": 1, **how})
        done = Path(f"{file}.done")

        def noticed() -> bool:
            struck = done.exists() and name in done.read_text()
            return struck and (scene.child_restarts() > before or not replaced)

        return noticed

    return strike


def last_device_fails(scene: Scene) -> Noticed:
    """A replica takes over partitions, and its only device fails for good: it leaves with status 1."""
    replica = replica_of(scene)
    replica.join()
    replica.await_partitions()
    faults = [{"fault": "exit", "when": {"batch": "any"}}, {"fault": "exit", "when": {"load": "any"}}]
    _write(_faults_of_replica(scene), faults)
    assert replica.ended() == 1
    return None


def replica_to_fail(scene: Scene) -> Replica:
    """Returns one more inference, whose device fails when it is told to."""
    file = _faults_of_replica(scene)
    _write(file, [])
    return Replica(scene, "inference", JOSEFINE_FAULTS=str(file))


def tell(scene: Scene, *faults: dict[str, Any]) -> Path:
    """Tells the device children how to fail; returns the file. None: not at all."""
    file = scene.stack.run_dir / "faults.json"
    _write(file, faults)
    return file


def _faults_of_replica(scene: Scene) -> Path:
    return scene.stack.run_dir / "faults-of-replica.json"


def _write(file: Path, faults: Sequence[dict[str, Any]]) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps(faults))
    new.replace(file)
