"""A device as the parent sees it: batches in, hypotheses out, whatever happens to the child that owns it.

Nothing here waits: `poll` looks. Progress is an answer. A child that dies, or whose oldest command passes its
deadline, is killed, and a new one gets the same batches again from this process's memory.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from josefine_inference.conversation import Command, Conversation
from josefine_inference.deadlines import HOP_S, BatchDeadline, DeadlineLimits
from josefine_inference.messages import Batch, Decoded, Failed, Outcome, unpack_hypotheses
from josefine_inference.process import ChildGoneError, ChildOptions, ChildProcess
from josefine_inference.suspects import Tried, after_death
from josefine_stage.errors import CrashError

IN_FLIGHT_BATCHES: Final = 2
"""One at work and one that waits in the child, so that the device never waits for the parent."""
MODEL_LOAD_ATTEMPTS: Final = 2
FIRST_BACK_OFF_S: Final = 0.5


class DeviceError(CrashError):
    """The device is given up: the service ends, and its partitions go to another replica."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What is shown of a device."""

    device: str
    pid: int | None
    restarts: int
    batches: int = 0
    """Decoded since the service began."""
    audio_s: float = 0.0
    """Audio in these batches."""
    busy_s: float = 0.0
    """Time that the children took for them."""


class DevicePort(Protocol):
    """What decodes. All calls come from one thread, none waits."""

    def room(self) -> int:
        """Returns how many batches may be submitted now."""

    def submit(self, batch: Batch) -> None:
        """Takes a batch; each of its windows comes back once from poll."""

    def poll(self) -> list[Outcome]:
        """Returns what is finished.

        Raises:
            DeviceError: no device is left.
        """

    def ready(self) -> bool:
        """Whether a real inference has been answered and none is overdue."""

    def status(self) -> list[DeviceStatus]:
        """Returns a line for each device."""

    def close(self) -> None:
        """Ends the children; waits for their end, for seconds at most."""


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """What a device is asked to do."""

    child: ChildOptions
    model: str
    """Loaded at start; others on first use."""
    deadlines: DeadlineLimits = field(default_factory=DeadlineLimits)
    start_failures: int = 3
    """Children in a row that fail to start before the device is given up."""
    probe_s: float = 30.0
    """An idle device proves itself this often."""


class Device:
    """One device and the child that owns it."""

    def __init__(self, options: DeviceOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self.restarts = 0
        self._clock = clock
        self._deadline = BatchDeadline(options.deadlines)
        self._log = structlog.get_logger().bind(device=options.child.device)
        self._waiting: deque[Tried] = deque()
        self._finished: list[Outcome] = []
        self._batches = self._hops = 0
        self._busy_s = 0.0
        self._proved = False
        self._start_failures = 0
        self._model_failures: dict[str, int] = {}
        self._dying: tuple[ChildProcess, float] | None = None
        self._not_before_s = 0.0
        self._talk: Conversation | None = self._started(clock())

    def room(self) -> int:
        """Returns how many batches may be submitted now."""
        return max(0, IN_FLIGHT_BATCHES - len(self.unfinished()))

    def submit(self, batch: Batch) -> None:
        """Takes a batch."""
        self.resume([Tried(batch)])

    def resume(self, tried: Sequence[Tried]) -> None:
        """Takes batches that another device has given up."""
        self._waiting.extend(tried)
        self._hand_over(self._clock())

    def unfinished(self) -> list[Tried]:
        """Returns the batches without an answer, oldest first."""
        return [*(self._talk.batches() if self._talk else ()), *self._waiting]

    def ready(self) -> bool:
        """Whether the child has answered a real inference and is not being replaced."""
        return self._proved and self._talk is not None

    def status(self) -> list[DeviceStatus]:
        """Returns this device's line."""
        pid = self._talk.process.pid if self._talk else None
        name, audio_s = self.options.child.device, self._hops * HOP_S
        return [DeviceStatus(name, pid, self.restarts, self._batches, audio_s, self._busy_s)]

    def poll(self) -> list[Outcome]:
        """Returns what is finished; kills and replaces the child where that is due.

        Raises:
            DeviceError: children keep failing to start, or one cannot be killed.
        """
        now_s = self._clock()
        if self._talk is None:
            self._replace(now_s)
        if self._talk is not None:
            self._look_at(self._talk, now_s)
        self._hand_over(now_s)
        finished, self._finished = self._finished, []
        return finished

    def close(self) -> None:
        """Kills the child and waits for its end."""
        last = self.abandon()
        if last and not last.wait(self.options.deadlines.kill_s):
            self._log.error("child_not_reaped", pid=last.pid)

    def abandon(self) -> ChildProcess | None:
        """Kills the child, does not wait for its end, and returns it."""
        last = self._talk.process if self._talk else self._dying[0] if self._dying else None
        self._talk = None
        if last:
            last.kill()
        return last

    def _started(self, now_s: float) -> Conversation:
        talk = Conversation(self.options.child, self._deadline, now_s)
        talk.load(self.options.model, now_s)
        self._log.info("child_started", pid=talk.process.pid, restarts=self.restarts)
        return talk

    def _replace(self, now_s: float) -> None:
        """Starts the next child once the last one is gone: two of them may not fit on the device."""
        if self._dying:
            process, killed_s = self._dying
            if process.reaped():
                self._dying = None
            elif now_s - killed_s > self.options.deadlines.kill_s:
                raise DeviceError(f"child {process.pid} of {self.options.child.device} cannot be killed")
        if self._dying is None and now_s >= self._not_before_s:
            self._talk = self._started(now_s)

    def _look_at(self, talk: Conversation, now_s: float) -> None:
        try:
            answers = talk.answers(now_s)
        except ChildGoneError as error:
            self._lost(talk, talk.oldest, str(error), now_s)
            return
        for command, message in answers:
            if message["type"] == "load_failed":
                self._lost(talk, command, message["reason"], now_s)
                return
            self._answered(command, message)
        reason = talk.overdue(now_s)
        if reason:
            self._lost(talk, talk.oldest, reason, now_s)
        elif talk.idle and now_s - talk.quiet_since_s > self.options.probe_s:
            talk.probe(self.options.model, now_s)

    def _hand_over(self, now_s: float) -> None:
        while self._talk and self._waiting and self._talk.has_room():
            tried = self._waiting.popleft()
            if self._model_failures.get(tried.batch.model, 0) < MODEL_LOAD_ATTEMPTS:
                self._talk.decode(tried, now_s)
            else:
                self._fail(tried.batch, "model_load_failed", f"the model {tried.batch.model} cannot be loaded")

    def _answered(self, command: Command, message: dict[str, Any]) -> None:
        match message["type"]:
            case "loaded":
                self._proved, self._start_failures = True, 0
                self._model_failures.pop(command.model, None)
                self._log.info("model_ready", model=command.model, seconds=round(message["seconds"], 3))
            case "decoded" if command.tried:
                self._decoded(command.tried.batch, message)
            case "refused" if command.tried:
                self._fail(command.tried.batch, "refused", message["reason"])

    def _decoded(self, batch: Batch, message: dict[str, Any]) -> None:
        self._deadline.measured(batch.hops, message["seconds"])
        self._batches += 1
        self._hops += batch.hops
        self._busy_s += message["seconds"]
        hypotheses = unpack_hypotheses(message["hypotheses"])
        self._finished += [
            Decoded(work.id, hypothesis) for work, hypothesis in zip(batch.work, hypotheses, strict=True)
        ]

    def _fail(self, batch: Batch, code: str, reason: str) -> None:
        self._finished += [Failed(work.id, code, reason) for work in batch.work]

    def _lost(self, talk: Conversation, blamed: Command | None, reason: str, now_s: float) -> None:
        """Kills the child and queues what it had; a batch that was at work is under suspicion."""
        talk.process.kill()
        self._talk, self._proved, self._dying = None, False, (talk.process, now_s)
        self.restarts += 1
        batches = talk.batches()
        self._log.error("child_lost", pid=talk.process.pid, reason=reason, command=blamed and blamed.type)
        if blamed and blamed.tried:
            again, failed = after_death(batches.pop(0), reason)
            batches = again + batches
            self._finished += failed
        self._waiting.extendleft(reversed(batches))
        if blamed and blamed.type == "load":
            self._not_loaded(blamed.model, reason, now_s)

    def _not_loaded(self, model: str, reason: str, now_s: float) -> None:
        if model != self.options.model:
            self._model_failures[model] = self._model_failures.get(model, 0) + 1
            return
        self._start_failures += 1
        if self._start_failures >= self.options.start_failures:
            raise DeviceError(
                f"{self.options.child.device}: {self._start_failures} device children in a row failed: {reason}"
            )
        self._not_before_s = now_s + FIRST_BACK_OFF_S * 2 ** (self._start_failures - 1)
