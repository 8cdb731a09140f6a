"""When a new replica joins its group: once it can work, as long as others do its work meanwhile.

A replica gets its share of the partitions when it joins, and their sessions wait for it: half a minute where a large
model has to be loaded first. A group without others has nobody who could serve them meanwhile, and the partitions of a
former life of this name are nobody else's until the session timeout (docs/adr/0005-static-group-membership.md).
"""

import threading
from typing import Any, Final, Protocol

import structlog

from josefine_stage.clock import Clock
from josefine_stage.errors import StageError
from josefine_stage.handler import Handler, Turn
from josefine_stage.health import Health
from josefine_stage.running_time import RunningTime

LOOK_S: Final = 0.05
log = structlog.get_logger()


class Group(Protocol):
    """What this needs of the broker: josefine_kafka's KafkaPorts."""

    def others_work(self) -> bool:
        """Returns whether others do the work. Raises StageError: the broker does not say."""

    def serve(self) -> None:
        """As UnitOfWork.serve."""


def await_ready(handler: Handler[Any], group: Group, health: Health, clock: Clock, stop: threading.Event) -> None:
    """Returns when the handler is ready, at once where nobody else works, or on `stop`.

    Asks the group once: whoever cannot work has no use for partitions either if the others leave meanwhile.
    Raises what the handler raises that will never be ready. It has no inputs yet, so that nothing comes of its turns.
    """
    if handler.ready() or not _can_wait(group):
        return
    log.info("joins_when_ready")
    running_time = RunningTime(clock)
    while not (handler.ready() or stop.is_set()):
        handler.advance(Turn(running_time.turn()))
        group.serve()
        health.beat("the handler is not ready", handler.status())
        clock.wait(LOOK_S)


def _can_wait(group: Group) -> bool:
    try:
        return group.others_work()
    except StageError as error:
        # Not every broker can be asked; to join at once is what the others do too.
        log.warning("group_not_described", reason=str(error))
        return False
