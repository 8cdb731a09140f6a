"""Gives its parent a small file system that nobody else sees: `python -I -S detached_mount.py SOCKET BYTES FOLDER USER`

A tmpfs of BYTES is mounted over FOLDER in a mount namespace of this program's own (mount_namespaces(7)), with USER 1
in a user namespace as well, which needs no privilege; a descriptor of its root goes back through the inherited
SOCKET. When this program ends, the namespace and with it the mount are gone, and the file system lives exactly as
long as somebody holds the descriptor: it cannot outlive the process that asked for it, whatever ends that one.
"""

import ctypes
import os
import socket
import sys
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUSER = 0x1000_0000
MS_NOSUID, MS_NODEV = 0x2, 0x4
MS_REC, MS_PRIVATE = 0x4000, 0x4_0000


def main() -> int:
    """Returns the exit status; the reason of a failure is in one line on standard error."""
    parent, size_bytes, folder, in_user_namespace = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "1"
    try:
        _enter_namespaces(in_user_namespace)
        # Nothing of what follows reaches the namespace that this one was copied from.
        _mount("none", "/", "none", MS_REC | MS_PRIVATE, "")
        _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size_bytes},mode=0700")
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201 - the channel to the parent
        return 1
    with socket.socket(fileno=parent) as channel:
        socket.send_fds(channel, [b"."], [os.open(folder, os.O_RDONLY | os.O_DIRECTORY)])
    return 0


def _enter_namespaces(in_user_namespace: bool) -> None:  # noqa: FBT001 - a word of the command line
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    _check("unshare", libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if in_user_namespace else 0)))
    if in_user_namespace:
        # Who is root in here is the same user outside (user_namespaces(7)).
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _check("mount", libc.mount(*arguments))


def _check(call: str, status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)


if __name__ == "__main__":
    sys.exit(main())
