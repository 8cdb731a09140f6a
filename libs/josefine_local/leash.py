"""Becomes another program that dies with its parent: `python -I -S leash.py PARENT_PID PROGRAM ARGUMENT...`

The supervisor starts every child through this file. On Linux the child asks the kernel for SIGKILL when the
thread that started it ends (prctl(2), PR_SET_PDEATHSIG), so that a supervisor that is killed leaves nothing
behind; then it becomes PROGRAM under the same pid. A program between fork and exec, instead of code in a
forked interpreter: forking a process that has threads and running Python in the child may deadlock.
Where there is no prctl, the child lives on and the next `up` or `down` ends it (see state.py).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CANNOT_EXECUTE = 127


def main() -> int:
    """Replaces this process. Returns an exit status only where that failed."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            print(f"prctl: {os.strerror(ctypes.get_errno())}", file=sys.stderr)  # noqa: T201 - the child's log
            return CANNOT_EXECUTE
    # The parent may have died before the kernel was asked: nobody would send the signal then.
    if os.getppid() != parent:
        return CANNOT_EXECUTE
    try:
        os.execvp(program[0], program)  # noqa: S606 - the supervisor names the program, no shell wanted
    except OSError as error:
        print(f"{program[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - the child's log
    return CANNOT_EXECUTE


if __name__ == "__main__":
    sys.exit(main())
