"""The stacks that faults happen to, one at a time."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import shifted_clock
from scene import Scene

from josefine_local.errors import DiskError, FetchError, MissingError
from josefine_local.options import Service, StackOptions, standard_services
from josefine_local.stack import LocalStack

BATCH_DEADLINE_S: Final = 6.0
"""Least deadline of a batch in these stacks."""
ON_TANSU_AT_MOST: Final = 3
"""Runs on one Tansu, which keeps every record in memory and looks through all of them at every fetch."""
EAGER: Final = '{"partition.assignment.strategy": "range"}'
STAGES: Final = {
    "kafka": StackOptions(broker="kafka", disk_mib=4096),
    "cluster": StackOptions(broker="kafka", brokers=3, disk_mib=1024),
    "tansu": StackOptions(broker="tansu", partitions=8),
}
TITLES: Final = {
    "kafka": "Apache Kafka",
    "cluster": "Apache Kafka, 3 nodes, eager rebalances",
    "tansu": "Tansu, at least once",
}


class Scenes:
    """Gives the stack of a kind, and stops the one before."""

    def __init__(self, folder: Path, *, small_disks: bool) -> None:
        self._folder = folder
        self._small_disks = small_disks
        self._kind = ""
        self._stack: LocalStack | None = None
        self._scene: Scene | None = None
        self._started = self._runs = 0

    def __call__(self, kind: str) -> Scene:
        """Returns a running stack; skips the test where there can be none."""
        worn = kind == "tansu" and self._runs >= ON_TANSU_AT_MOST
        if self._scene is None or kind != self._kind or worn:
            self.stop()
            self._scene = self._start(kind)
        self._runs += 1
        (self._scene.stack.run_dir / "faults.json").unlink(missing_ok=True)
        return self._scene

    def stop(self) -> None:
        """Stops what runs."""
        if self._stack is not None:
            self._stack.stop()
        self._stack = self._scene = None

    def _start(self, kind: str) -> Scene:
        self._started += 1
        run_dir = self._folder / f"{self._started}-{kind}"
        options = replace(
            STAGES[kind],
            run_dir=run_dir,
            services=services(run_dir, eager=kind == "cluster"),
            disk_mib=STAGES[kind].disk_mib if self._small_disks else None,
        )
        self._kind, self._runs, self._stack = kind, 0, LocalStack(options)
        try:
            self._stack.start()
        except (MissingError, FetchError, DiskError) as error:
            self._stack = None
            pytest.skip(f"{TITLES[kind]} cannot run here: {error}")
        return Scene(self._stack)


def services(run_dir: Path, *, eager: bool) -> tuple[Service, ...]:
    """Returns the stages, with a wall clock that can be stepped and a device child that can be told to fail."""
    script = str(Path(shifted_clock.__file__))
    environment = {
        shifted_clock.FILE: str(run_dir / "clock"),
        "JOSEFINE_BATCH_DEADLINE_S": str(BATCH_DEADLINE_S),
        "JOSEFINE_FAULTS": str(run_dir / "faults.json"),
        "JOSEFINE_ALLOW_FAULTS": "yes-break-this-engine",
        # All sessions are let in: what is counted is what becomes of them.
        "JOSEFINE_LIVE_STREAMS": "0",
        # A device beside which there is no other is what is worst to lose.
        "JOSEFINE_DEVICE": os.environ.get("JOSEFINE_DEVICE", "cpu"),
        **({"JOSEFINE_KAFKA_EXTRA": EAGER} if eager else {}),
    }
    return tuple(
        replace(each, argv=(sys.executable, script, each.role), environment={**each.environment, **environment})
        for each in standard_services()
    )
