"""A service that kills itself at a point of the delivery guarantee: python fault_points.py ROLE POINT.

The service is the real one; only the call at the point is wrapped.
"""

import os
import runpy
import signal
import sys
from itertools import count
from typing import Any, Final, Literal, NamedTuple

from josefine_kafka.writers import TransactionalUnit
from josefine_state.store import RedisStore


class Point(NamedTuple):
    """A call, and whether the process dies before or after it."""

    owner: type
    method: str
    when: Literal["before", "after"]
    spared: int = 0
    """Calls that go well before. Of states none: where speech is nearly over there is one alone."""


POINTS: Final = {
    "outputs sent, nothing committed": Point(TransactionalUnit, "commit", "before", spared=1),
    "outputs and offsets committed, state not written": Point(RedisStore, "save", "before"),
    "state written, later offsets not committed": Point(RedisStore, "save", "after"),
}


def arm(point: Point) -> None:
    """Makes the process kill itself at the point."""
    wrapped, passed = getattr(point.owner, point.method), count()

    def call(*arguments: Any, **named: Any) -> Any:
        last = next(passed) >= point.spared
        if last and point.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = wrapped(*arguments, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(point.owner, point.method, call)


if __name__ == "__main__":
    role, name = sys.argv[1:]
    arm(POINTS[name])
    runpy.run_module(f"josefine_{role}", run_name="__main__", alter_sys=True)
