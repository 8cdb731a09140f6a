"""Where the local stack keeps what it fetched and what it runs."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUPERVISOR: Final = "supervisor"
"""The name of its log; no role has it."""


def cache_dir() -> Path:
    """Returns the folder of fetched files: JOSEFINE_CACHE_DIR, else josefine/ in the user's cache."""
    given = os.environ.get("JOSEFINE_CACHE_DIR")
    if given:
        return Path(given).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "josefine"


def default_run_dir() -> Path:
    """Returns the run folder of `josefine up`: JOSEFINE_RUN_DIR, else josefine/ in the user's state folder."""
    given = os.environ.get("JOSEFINE_RUN_DIR")
    if given:
        return Path(given).expanduser().absolute()
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "josefine"


@dataclass(frozen=True, slots=True)
class RunDir:
    """The layout of a run folder. One stack at a time owns it, by its lock file."""

    root: Path

    @property
    def logs(self) -> Path:
        """One file a role."""
        return self.root / "logs"

    @property
    def state_file(self) -> Path:
        """What runs, as JSON, for other processes to read."""
        return self.root / "stack.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.root / "lock"

    @property
    def kafka(self) -> Path:
        """Settings and log segments of the broker, where there is one."""
        return self.root / "kafka"

    @property
    def kafka_cluster(self) -> Path:
        """A folder as `kafka` for each node, where there are several, and the id that they share."""
        return self.root / "kafka-cluster"

    @property
    def redis(self) -> Path:
        """Append-only file of the store."""
        return self.root / "redis"

    def log(self, role: str) -> Path:
        """Returns the log file of a role."""
        return self.logs / f"{role}.log"

    def create(self) -> None:
        """Makes the folders that every stack has. Only the user may read them: logs name sessions."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True)

    def rotate_logs(self) -> None:
        """Begins new log files; those of the run before are kept as *.log.1. The supervisor's own goes on."""
        for log in self.logs.glob("*.log"):
            if log != self.log(SUPERVISOR):
                log.replace(log.with_name(f"{log.name}.1"))
