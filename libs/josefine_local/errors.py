"""What can go wrong with the local stack. Every message is one readable line that names the mend.

Nothing here is worth a retry by the caller: what can be retried has been, before one of these is raised.
"""

from pathlib import Path


class LocalError(Exception):
    """The local stack cannot do what was asked. `exit_status` is what a command line ends with."""

    exit_status = 1


class MissingError(LocalError):
    """A program or package is not on this machine; the message says how to get it."""


class FetchError(LocalError):
    """The network did not give a file, or gave another one than the lock names."""


class ModelError(LocalError):
    """A model that a service needs cannot be had."""


class ConfigurationError(LocalError):
    """An option or an environment variable makes no sense."""

    exit_status = 2


class PortInUseError(LocalError):
    """Another program listens on a port that the stack was told to use. Nothing has been started."""


class AlreadyRunningError(LocalError):
    """A stack runs in this run folder already. It is left as it is."""

    def __init__(self, run_dir: Path, pid: str) -> None:
        super().__init__(
            f"a stack is running already: pid {pid} in {run_dir} (josefine down stops it, "
            "JOSEFINE_RUN_DIR names another folder)"
        )


class DiskError(LocalError):
    """A disk of limited size cannot be made on this machine, or is not there; the message says what would permit it."""


class StartError(LocalError):
    """A process of the stack did not become ready, or cannot go on. The last lines of its log are in the message."""


class StoppedError(LocalError):
    """The stack was told to stop before it was ready."""
