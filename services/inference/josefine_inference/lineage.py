"""A process that ends with its parent, where the kernel offers that."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


def die_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process with its parent, and leaves if the parent has died already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
