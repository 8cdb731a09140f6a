"""Waiting for what another process or thread does.

A broker that elects a leader, a child that loads its model or a primary that fails over tells nobody when it is done,
and how long it takes is the machine's affair. So it is asked again and again until it holds, which costs no more time
than it takes, and the deadline, far beyond what a busy machine needs, turns what never comes into a failure.
"""

import time
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TypeVar

Answer = TypeVar("Answer")

PATIENCE_S = 60.0
pause = partial(Event().wait, 0.05)
"""Leaves the processor to what is waited for."""


def wait_until(
    holds: Callable[[], Answer],
    *,
    within_s: float = PATIENCE_S,
    meanwhile: Callable[[], object] = pause,
    not_yet: type[Exception] | tuple[type[Exception], ...] = (),
    awaited: Callable[[], str] = lambda: "what was waited for",
) -> Answer:
    """Returns the first true answer of `holds`; AssertionError when there is none within the deadline.

    `meanwhile` is done between two questions. `not_yet` are the errors that an answer may raise until it can be given.
    `awaited` tells a failure what was missing, and is asked only then.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        error = None
        try:
            if answer := holds():
                return answer
        except not_yet as failure:
            error = failure
        if time.monotonic() >= deadline_s:
            raise AssertionError(f"{awaited()}: not within {within_s:g} s") from error
        meanwhile()
