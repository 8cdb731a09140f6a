"""A disk of limited size for a broker's log, to be filled up and freed again by tests. Linux only."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from josefine_local.errors import DiskError

PROGRAM: Final = Path(__file__).with_name("detached_mount.py")
MOUNT_TIMEOUT_S: Final = 20.0
MIB: Final = 1024 * 1024
BALLAST: Final = "ballast"
FILL_ROUNDS: Final = 100
"""Of filling what has become free meanwhile, before the disk counts as one that cannot be filled."""


class SmallDisk:
    """A file system in memory, of this process alone: no mount is left by whatever ends it (see detached_mount.py).

    Any thread may call the methods, one at a time.
    """

    def __init__(self, size_mib: int) -> None:
        self.size_mib = size_mib
        self._root: int | None = None

    def open(self) -> None:
        """Makes the file system, empty, unless there is one.

        Raises:
            DiskError: this machine does not permit it.
        """
        if self._root is None:
            self._root = _detached_root(self.size_mib * MIB)

    def close(self) -> None:
        """Lets go of the file system; what is in it is gone when the programs that use it have ended."""
        root, self._root = self._root, None
        if root is not None:
            os.close(root)

    @property
    def folder(self) -> Path:
        """The root of the file system, for this process and its children.

        Raises:
            DiskError: it has not been opened.
        """
        return Path(f"/proc/{os.getpid()}/fd/{self._opened()}")

    @property
    def free_bytes(self) -> int:
        """Room that is left."""
        found = os.fstatvfs(self._opened())
        return found.f_bavail * found.f_frsize

    def fill(self) -> None:
        """Returns when no byte is free: a file of ballast takes the rest.

        Raises:
            DiskError: whoever else uses the disk frees room as fast as it is taken.
        """
        ballast = os.open(BALLAST, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=self._opened())
        try:
            for _ in range(FILL_ROUNDS):
                if not (free := self.free_bytes):
                    return
                _extend(ballast, free)
        finally:
            os.close(ballast)
        raise DiskError(f"the disk of {self.size_mib} MiB cannot be filled: {self.free_bytes} bytes are still free")

    def make_room(self) -> None:
        """Takes the ballast away; does nothing where there is none."""
        try:
            os.unlink(BALLAST, dir_fd=self._opened())
        except FileNotFoundError:
            return

    def _opened(self) -> int:
        if self._root is None:
            raise DiskError("the disk has not been opened")
        return self._root


def _extend(file: int, by_bytes: int) -> None:
    try:
        os.posix_fallocate(file, os.fstat(file).st_size, by_bytes)
    except OSError as error:
        # Another writer was faster: what it left is taken in the next round.
        if error.errno != errno.ENOSPC:
            raise


def _detached_root(size_bytes: int) -> int:
    """Returns a descriptor of the root; root's own namespace is tried first, then one that needs no privilege."""
    if sys.platform != "linux":
        raise DiskError("a disk of limited size needs Linux")
    refusals = []
    for in_user_namespace in (False, True):
        root, refusal = _ask_for_root(size_bytes, in_user_namespace=in_user_namespace)
        if root is not None:
            return root
        refusals.append(refusal)
    raise DiskError(
        f"a disk of limited size cannot be made: {refusals[0]} without, {refusals[1]} with a user namespace; "
        "be root with CAP_SYS_ADMIN, or permit user namespaces (sysctl user.max_user_namespaces)"
    )


def _ask_for_root(size_bytes: int, *, in_user_namespace: bool) -> tuple[int | None, str]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = (str(theirs.fileno()), str(size_bytes), "/tmp", "1" if in_user_namespace else "0")  # noqa: S108 - covered
        command = (sys.executable, "-I", "-S", str(PROGRAM), *words)
        try:
            done = subprocess.run(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=MOUNT_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DiskError(f"making a disk took over {MOUNT_TIMEOUT_S:.0f} s") from error
        if done.returncode != 0:
            return None, done.stderr.strip()
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        return descriptors[0], ""
