"""A device as the parent sees it: batches in, hypotheses out, whatever happens to the child that owns it.

Nothing here waits: `poll` looks. Progress is an answer. A child that dies, or whose oldest command passes its
deadline, is ended, and a new one gets the same batches again from this process's memory.

    STARTING -- a real inference is answered --> WORKING
    STARTING, WORKING -- the child is lost --> ENDING -- it is gone, and a moment has passed --> STARTING
    STARTING -- no process can be had --> ENDING
    STARTING, ENDING -- its driver says it is ill, or children keep failing to start --> QUARANTINED
    STARTING, WORKING, ENDING -- it was a spare and is dismissed --> QUARANTINED, for good
    ENDING -- the child cannot be killed --> QUARANTINED
    QUARANTINED -- the child is gone, the driver says nothing bad, the rest is over --> STARTING

A device that works is judged by its work alone, whatever its driver says.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from josefine_inference.answers import Answer
from josefine_inference.conversation import Command, Conversation
from josefine_inference.deadlines import HOP_S, BatchDeadline
from josefine_inference.device_options import DeviceOptions
from josefine_inference.ending import Ending
from josefine_inference.health import HealthWatch
from josefine_inference.messages import Batch, Decoded, Failed, Outcome
from josefine_inference.port import DeviceState, DeviceStatus
from josefine_inference.process import ChildGoneError
from josefine_inference.suspects import Tried, WaitingBatches, after_death, halves, singles
from josefine_inference.tally import Tally

IN_FLIGHT_BATCHES: Final = 2
"""One at work and one that waits in the child, so that the device never waits for the parent."""
MODEL_LOAD_ATTEMPTS: Final = 2
NOBODY: Final = frozenset[str]()
FIRST_BACK_OFF_S: Final = 0.5


class Device:
    """One device and the child that owns it. Called from one thread."""

    def __init__(
        self,
        options: DeviceOptions,
        clock: Callable[[], float] = time.monotonic,
        *,
        tally: Tally | None = None,
        deadline: BatchDeadline | None = None,
    ) -> None:
        """`tally`, `deadline`: those of another child of the same device, which count and learn for both."""
        self.options = options
        self._clock = clock
        self._tally = tally or Tally()
        self._deadline = deadline or BatchDeadline(options.deadlines)
        self._health = HealthWatch(options.health, "" if options.spare else options.child.device)
        self._log = structlog.get_logger().bind(device=options.called, **({"spare": True} if options.spare else {}))
        self._waiting = WaitingBatches()
        self._finished: list[Outcome] = []
        self._start_failures = 0
        self._model_failures: dict[str, int] = {}
        self._ending: Ending | None = None
        self._not_before_s = 0.0
        self._by_turns_from_s = 0.0
        self._quarantined_s = 0.0
        self._backed = self._dismissed = False
        self._elsewhere = self._culprits = NOBODY
        self.short_of_memory = False
        """Whether a load failed, or a single window did not fit, in the last child that was started."""
        self.reason = ""
        """Why it is in quarantine."""
        self._talk: Conversation | None = None
        self.state = DeviceState.STARTING
        self._start(clock())

    def spare(self) -> "Device":
        """Starts another child beside this one and returns it as a device of its own."""
        options = replace(self.options, spare=True)
        return Device(options, self._clock, tally=self._tally, deadline=self._deadline)

    def dismiss(self, reason: str) -> None:
        """Ends the child of a spare for good; what it had waits here. To be polled until it is `gone`."""
        if self._talk:
            self._waiting.put_back(self._talk.batches())
            self._end(self._talk, self._clock(), hung=False)
        if not self._dismissed:
            self._log.info("spare_child_dismissed", reason=reason)
        self._dismissed = True
        self.state, self.reason = DeviceState.QUARANTINED, reason

    @property
    def gone(self) -> bool:
        """Whether it was dismissed and its last child has ended."""
        return self._dismissed and self._ending is None

    @property
    def restarts(self) -> int:
        """Children that were lost, spare ones too."""
        return self._tally.restarts

    @property
    def on_trial(self) -> bool:
        """Whether a window under suspicion is at work: what waits here may wait for the end of the child."""
        return any(tried.suspect for tried in self._at_work())

    def room(self) -> int:
        """Returns how many batches may be submitted now; those under suspicion keep no others out."""
        if self.state is DeviceState.QUARANTINED:
            return 0
        at_work = sum(not tried.suspect for tried in self._at_work())
        return max(0, IN_FLIGHT_BATCHES - at_work - self._waiting.trusted)

    def ahead_hops(self) -> int:
        """Returns the hops without an answer; those under suspicion keep nobody waiting."""
        return sum(tried.batch.hops for tried in self.unfinished() if not tried.suspect)

    @property
    def tried_sessions(self) -> frozenset[str]:
        """Whose windows under suspicion are at work."""
        return NOBODY.union(*(tried.sessions for tried in self._at_work() if tried.suspect))

    def culprits(self) -> frozenset[str]:
        """Returns, once, the sessions whose windows were given up since the last call."""
        culprits, self._culprits = self._culprits, NOBODY
        return culprits

    def submit(self, batch: Batch, feared: frozenset[str] = NOBODY) -> None:
        """Takes a batch. `feared`: sessions whose windows may hang the child."""
        self._waiting.add([Tried(batch)])
        self._waiting.fear(feared)
        self._hand_over(self._clock())

    def fear(self, sessions: frozenset[str]) -> None:
        """Puts what waits here of these sessions under suspicion."""
        self._waiting.fear(sessions)

    def resume(self, tried: Sequence[Tried]) -> None:
        """Takes batches that another device has not finished."""
        now_s = self._clock()
        self._waiting.add(tried)
        self._trusted_first(now_s)
        self._hand_over(now_s)

    def unfinished(self) -> list[Tried]:
        """Returns the batches without an answer, oldest first."""
        return [*self._at_work(), *self._waiting.all()]

    def surrender(self) -> list[Tried]:
        """Returns the batches that wait here and forgets them; these are all where no child works."""
        waiting = self._waiting.all()
        self._waiting.clear()
        return waiting

    def ready(self) -> bool:
        """Whether the child has answered a real inference and is not being replaced."""
        return self.state is DeviceState.WORKING

    def status(self) -> list[DeviceStatus]:
        """Returns this device's line."""
        pid = self._talk.process.pid if self._talk else None
        name, tally = self.options.called, self._tally
        counts = (tally.restarts, tally.batches, tally.hops * HOP_S, tally.busy_s)
        return [DeviceStatus(name, pid, *counts, self.state, self.reason, self._health.last)]

    def poll(self, *, backed: bool = False, elsewhere: frozenset[str] = NOBODY) -> list[Outcome]:
        """Returns what is finished; ends and replaces the child where that is due.

        `backed`: another device works, which gets what would wait here for the end of the child. `elsewhere`: sessions
        of which a window is tried there: no second one is tried here, so that both may not hang at once.
        """
        now_s = self._clock()
        self._backed, self._elsewhere = backed, elsewhere
        rested = self._talk is not None and self._talk.idle
        self._health.look(now_s)
        if self._ending and self._ending.over(now_s):
            self._ending = None
        if self._talk:
            self._look_at(self._talk, now_s)
        elif self.state is DeviceState.ENDING:
            self._replace(now_s)
        elif self.state is DeviceState.QUARANTINED:
            self._come_back(now_s)
        illness = self._health.ill()
        if illness and self.state in (DeviceState.STARTING, DeviceState.ENDING):
            self._quarantine(f"{self.options.called} is not healthy: {illness}", now_s)
        self._hand_over(now_s, rested=rested)
        finished, self._finished = self._finished, []
        return finished

    def close(self) -> None:
        """Kills the child and waits for its end, if it is one that can be killed."""
        self._health.close()
        now_s = self._clock()
        if self._talk:
            self._end(self._talk, now_s, hung=False)
        if self._ending and not self._ending.stuck:
            process = self._ending.process
            process.kill()
            if process.wait(self.options.deadlines.kill_s):
                process.release()
            else:
                self._log.error("child_not_reaped", pid=process.pid)

    def _start(self, now_s: float) -> None:
        try:
            self._talk = Conversation(self.options.child, self._deadline, now_s)
        except OSError as error:
            self._not_started(str(error), now_s)
            return
        self._talk.load(self.options.model, now_s)
        self.state, self.reason = DeviceState.STARTING, ""
        self.short_of_memory = False
        self._log.info("child_started", pid=self._talk.process.pid, restarts=self.restarts)

    def _end(self, talk: Conversation, now_s: float, *, hung: bool) -> None:
        self._talk = None
        self._ending = Ending(talk.process, self.options.deadlines, now_s, hung=hung)
        self.state = DeviceState.ENDING

    def _replace(self, now_s: float) -> None:
        """Starts the next child once the last one is gone: two of them may not fit on the device."""
        if self._ending is None:
            if now_s >= self._not_before_s:
                self._start(now_s)
        elif self._ending.stuck:
            pid, name = self._ending.process.pid, self.options.called
            self._quarantine(f"child {pid} of {name} cannot be killed", now_s)

    def _quarantine(self, reason: str, now_s: float) -> None:
        if self._talk:
            self._waiting.put_back(self._talk.batches())
            self._end(self._talk, now_s, hung=True)
        self.state, self.reason = DeviceState.QUARANTINED, reason
        self._quarantined_s = now_s
        self._health.ask(now_s)
        self._log.error("device_quarantined", reason=reason)

    def _come_back(self, now_s: float) -> None:
        """Starts a child once nothing speaks against it any more."""
        if self._dismissed:
            return
        healthy = self._health.fine_since(self._quarantined_s)
        if self._ending is None and healthy and now_s >= self._not_before_s:
            self._log.warning("device_comes_back", after_s=round(now_s - self._quarantined_s, 1), was=self.reason)
            self._start(now_s)

    def _look_at(self, talk: Conversation, now_s: float) -> None:
        try:
            answers = talk.answers(now_s)
        except ChildGoneError as error:
            self._lost(talk, talk.oldest, str(error), now_s)
            return
        failures = [(command, reason) for command, answer in answers if (reason := self._answered(command, answer))]
        if failures:
            (command, reason), *later = failures
            self._waiting.put_back(other.tried for other, _ in later if other.tried)
            self._lost(talk, command, reason, now_s)
            return
        overdue = talk.overdue(now_s, patient=not self._waiting)
        if overdue:
            self._lost(talk, talk.oldest, overdue, now_s, hung=True)
        elif talk.idle and now_s - talk.quiet_since_s > self.options.probe_s:
            talk.probe(self.options.model, now_s)

    def _trusted_first(self, now_s: float) -> None:
        """Lets what has waited for a lost child wait for no second one, as far as a deadline's time suffices."""
        self._by_turns_from_s = now_s + self.options.deadlines.batch_s

    def _hand_over(self, now_s: float, *, rested: bool = False) -> None:
        """Gives a child that works what it has room for.

        `rested`: it was idle since the last look, so that whoever waited elsewhere has come by now. Only then, and
        with nothing else in the child, is a window under suspicion tried.
        """
        talk, by_turns = self._talk, self._backed or now_s >= self._by_turns_from_s
        while talk and self.ready() and talk.has_room():
            tried = self._waiting.take(may_kill=rested and talk.idle, by_turns=by_turns, waits=self._has_to_wait)
            if tried is None:
                return
            if self._model_failures.get(tried.batch.model, 0) < MODEL_LOAD_ATTEMPTS:
                talk.decode(tried, now_s)
            else:
                self._fail(tried.batch, "model_load_failed", f"the model {tried.batch.model} cannot be loaded")

    def _has_to_wait(self, tried: Tried) -> bool:
        """Whether a window under suspicion may not be tried now: it may hang the last child that works.

        A spare that works alone is what all others go on in while the device loads: what has killed alone waits for it.
        """
        return bool(tried.sessions & self._elsewhere) or (self.options.spare and not self._backed and tried.alone > 0)

    def _at_work(self) -> list[Tried]:
        return self._talk.batches() if self._talk else []

    def _answered(self, command: Command, answer: Answer) -> str | None:
        """Takes an answer; returns why the child is of no use after it, or None."""
        match answer.type:
            case "loaded":
                self._loaded(command.model, answer)
            case "load_failed":
                return answer.reason
            case "decoded" if command.tried:
                self._decoded(command.tried.batch, answer)
            case "refused" if command.tried:
                self._refused(command.tried, answer.reason)
            case "out_of_memory" if command.tried:
                return self._too_large(command.tried, answer.reason)
        return None

    def _loaded(self, model: str, answer: Answer) -> None:
        if not self.ready():
            self._trusted_first(self._clock())
        self.state, self._start_failures = DeviceState.WORKING, 0
        self._model_failures.pop(model, None)
        if answer.whole_windows:
            self._deadline.whole_windows.add(model)
        if not self.options.spare:
            self._health.device = answer.device or self._health.device
        self._log.info("model_ready", model=model, seconds=round(answer.seconds, 3))

    def _decoded(self, batch: Batch, answer: Answer) -> None:
        self._deadline.measured(batch.model, batch.windows, answer.seconds)
        self._tally.decoded(batch.hops, answer.seconds)
        self._finished += [
            Decoded(work.id, hypothesis) for work, hypothesis in zip(batch.work, answer.hypotheses, strict=True)
        ]

    def _refused(self, tried: Tried, reason: str) -> None:
        """Lets each window of a refused batch be judged alone: the reason may be one of them."""
        if len(tried.batch.work) == 1:
            self._fail(tried.batch, "refused", reason)
            return
        self._log.warning("batch_refused", windows=len(tried.batch.work), reason=reason)
        self._waiting.put_back(singles(tried))

    def _too_large(self, tried: Tried, reason: str) -> str | None:
        """Halves a batch for which the memory did not suffice; a single window needs a child with fresh memory."""
        if len(tried.batch.work) == 1:
            self.short_of_memory = True
            return reason
        self._log.warning("batch_halved", windows=len(tried.batch.work), hops=tried.batch.hops, reason=reason)
        self._waiting.put_back(halves(tried))
        return None

    def _fail(self, batch: Batch, code: str, reason: str) -> None:
        self._finished += [Failed(work.id, code, reason) for work in batch.work]

    def _lost(
        self, talk: Conversation, blamed: Command | None, reason: str, now_s: float, *, hung: bool = False
    ) -> None:
        """Ends the child and queues what it had; a batch that was at work is under suspicion."""
        self._end(talk, now_s, hung=hung)
        self._health.ask(now_s)
        self._tally.restarts += 1
        batches = [tried for tried in talk.batches() if blamed is None or tried is not blamed.tried]
        self._log.error("child_lost", pid=talk.process.pid, reason=reason, command=blamed and blamed.type)
        self._waiting.put_back(batches)
        if blamed and blamed.tried and self.options.spare and self.short_of_memory:
            # It may fit where the device has all the memory again.
            self._waiting.put_back([blamed.tried])
        elif blamed and blamed.tried:
            again, failed = after_death(blamed.tried, reason, hung=hung)
            self._waiting.add(again)
            self._finished += failed
            if failed:
                self._culprits |= blamed.tried.sessions
        if blamed and blamed.type == "load":
            self.short_of_memory = not hung
            self._not_loaded(blamed.model, reason, now_s)

    def _not_started(self, reason: str, now_s: float) -> None:
        """No process, or no memory for one: the device tries again later, and can do without its spare."""
        self.short_of_memory = True
        if self.options.spare:
            self.dismiss(reason)
            return
        self.state, self.reason = DeviceState.ENDING, ""
        self._log.error("child_not_started", reason=reason)
        self._not_loaded(self.options.model, reason, now_s)

    def _not_loaded(self, model: str, reason: str, now_s: float) -> None:
        if model != self.options.model:
            self._model_failures[model] = self._model_failures.get(model, 0) + 1
            return
        self._start_failures += 1
        if self._start_failures < self.options.start_failures:
            self._not_before_s = now_s + FIRST_BACK_OFF_S * 2 ** (self._start_failures - 1)
            return
        self._not_before_s = now_s + self.options.rest_s
        name, count = self.options.called, self._start_failures
        self._quarantine(f"{name}: {count} device children in a row failed: {reason}", now_s)
