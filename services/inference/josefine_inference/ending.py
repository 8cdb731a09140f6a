"""The end of a child that is not wanted any more: fence, SIGTERM, SIGKILL, and patience. Nothing here waits."""

from typing import Final

import structlog

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.process import ChildProcess

LOOK_S: Final = 1.0
"""A child that survived SIGKILL is looked at this often: the kernel holds it, and may do so for hours."""
log = structlog.get_logger()


class Ending:
    """One child on its way out. Nothing that it says is heard from here on.

    A hung child gets SIGTERM first, on which it prints where it hangs and ends; one that has ended by itself, or has
    just answered, has nothing to print.
    """

    def __init__(self, process: ChildProcess, limits: DeadlineLimits, now_s: float, *, hung: bool) -> None:
        self.process = process
        self.stuck = False
        """Whether it outlived SIGKILL by more than `kill_s`: it hangs in the kernel."""
        self._limits = limits
        self._kill_at_s = now_s + limits.term_s
        self._killed_s: float | None = None
        self._look_at_s = now_s
        process.fence()
        if hung:
            process.terminate()
        else:
            self._kill(now_s)

    def over(self, now_s: float) -> bool:
        """Returns whether the child is gone; takes the next step where that is due."""
        if now_s < self._look_at_s:
            return False
        if self.process.reaped():
            self.process.release()
            return True
        if self._killed_s is None:
            if now_s >= self._kill_at_s:
                self._kill(now_s)
        elif now_s - self._killed_s > self._limits.kill_s:
            if not self.stuck:
                log.error("child_cannot_be_killed", pid=self.process.pid)
            self.stuck = True
            self._look_at_s = now_s + LOOK_S
        return False

    def _kill(self, now_s: float) -> None:
        self._killed_s = now_s
        self.process.kill()
