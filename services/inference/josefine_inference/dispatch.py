"""The way of a segment through the device: a ticket in the scheduler, a window in a batch, an outcome."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Final, Protocol

from josefine_inference.channel import Channel, Closing
from josefine_inference.hypothesis import Hypothesis, bare_word
from josefine_inference.interims import Interims
from josefine_inference.messages import Batch, Decoded, Failed, Outcome, Work
from josefine_inference.models import language_of
from josefine_inference.pace import AHEAD_OF_FINAL_S, Pace
from josefine_inference.port import DevicePort
from josefine_inference.scheduler import BesideLive, Job, Kind, Scheduler
from josefine_inference.transcripts import interim_transcript
from josefine_stage.distribution import Distribution
from josefine_stage.handler import Output
from josefine_wire.records import FeatureFrame

AGAIN_TIMES: Final = 3
"""What a doubtful window counts for in the queue, over its length: the first try, the second and the ladder."""
LOOK_S: Final = 0.5
"""Between two looks at what the devices have done."""
KEPT_S: Final = 2 * AHEAD_OF_FINAL_S
"""How long a device is kept from interims after others got one that was not due: unless they hang or load a model, they
are done by then."""
LIVE_FINAL_BOUNDS_S: Final = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Close around 0.3 and 0.6 s, which are the budget of a final."""


class _Task(Protocol):
    """What a job's outcome is for."""

    @property
    def channel(self) -> Channel: ...

    def work(self, id_: int, *, alone: bool) -> Work:
        """Returns what the device gets; `alone`: nobody else is in its batch, or nobody waits."""

    def again(self, outcome: Outcome) -> bool:
        """Takes an outcome and returns whether it is so doubtful that the window is to be decoded by all means."""

    def done(self, outcome: Outcome) -> Output | None:
        """Takes the outcome; returns what may be told at once."""


@dataclass(slots=True, eq=False)
class _Final:
    """A closed segment. Beside live ones it is decoded once, and again in a batch of its own if need be."""

    channel: Channel
    closing: Closing
    by_all_means: bool = False
    doubted: Hypothesis | None = None
    """What the first try gave, for want of better if the second fails."""

    def work(self, id_: int, *, alone: bool) -> Work:
        if self.closing.log_mel is None:
            raise AssertionError("a closed segment has one outcome")
        self.by_all_means |= alone
        terms = self.channel.keyterms
        return Work(id_, self.closing.log_mel, word_times=True, fallback=self.by_all_means, keyterms=terms)

    def again(self, outcome: Outcome) -> bool:
        if self.by_all_means or not isinstance(outcome, Decoded):
            return False
        self.by_all_means, self.doubted = outcome.hypothesis.doubtful, outcome.hypothesis
        return self.by_all_means

    def done(self, outcome: Outcome) -> Output | None:
        self.closing.decoded(outcome.hypothesis if isinstance(outcome, Decoded) else self.doubted or outcome)
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Interim:
    channel: Channel
    interims: Interims
    end_hop: int
    record: FeatureFrame

    def work(self, id_: int, *, alone: bool) -> Work:  # noqa: ARG002 - the protocol's
        self.interims.in_flight = True
        log_mel = self.channel.open_mel(self.interims.start_hop, self.end_hop)
        return Work(id_, log_mel, prefix=self.interims.agreement.agreed, keyterms=self.channel.keyterms)

    def again(self, outcome: Outcome) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def done(self, outcome: Outcome) -> Output | None:
        """A window that cannot be decoded is left to the segment's final, which has an input to blame."""
        interims = self.interims
        interims.in_flight, interims.given_up = False, isinstance(outcome, Failed)
        if self.channel.interims is not interims or not isinstance(outcome, Decoded):
            return None
        hypothesis = outcome.hypothesis
        if not self.channel.options.acceptance.accepts(hypothesis):
            return None
        interims.agreement.hear([word.text for word in hypothesis.words])
        return interim_transcript(
            self.channel.about(self.record),
            interims.segment,
            (interims.start_hop, self.end_hop),
            hypothesis,
            sum(bool(bare_word(word)) for word in interims.agreement.agreed),  # the others are no words of it
        )


class Dispatch:
    """The queue of all channels before the device. Called from one thread."""

    def __init__(self, device: DevicePort, scheduler: Scheduler, clock: Callable[[], float]) -> None:
        self._device = device
        self._scheduler = scheduler
        self._clock = clock
        self._tasks: dict[int, tuple[Job, _Task]] = {}
        self._ids = count()
        self._pace = Pace()
        self._looked_s = self._undue_s = float("-inf")
        self.decoded = Counter(dict.fromkeys(Kind, 0))
        """Decodes of windows of each kind for somebody; recorded ones that are decoded again count twice."""
        self.failed = Counter(dict.fromkeys(Kind, 0))
        """Windows of each kind that it could not decode."""
        self.live_finals = Distribution(LIVE_FINAL_BOUNDS_S)
        """From the end of a live segment to its text, all tries together."""

    @property
    def waiting(self) -> int:
        """Windows that are queued or being decoded."""
        return len(self._tasks)

    @property
    def busy(self) -> bool:
        """Whether there are any."""
        return bool(self._tasks)

    @property
    def interim_stretch(self) -> int:
        """By what factor interims are to be rarer."""
        return self._pace.interim_stretch(self._scheduler.queued_hops)

    @property
    def stream_capacity(self) -> int:
        """How many live streams the devices serve in time; 0 while it is not known."""
        return self._pace.stream_capacity()

    def final(self, key: str, channel: Channel, closing: Closing) -> None:
        """Queues a closed segment."""
        kind = Kind.FINAL_LIVE if channel.urgent else Kind.FINAL_RECORDED
        self._add(key, kind, closing.heard.segment.hops, _Final(channel, closing))

    def interim(self, key: str, channel: Channel, interims: Interims, record: FeatureFrame) -> None:
        """Queues the open segment as far as it was heard, in place of one that still waits."""
        end_hop = channel.heard_hop
        task = _Interim(channel, interims, end_hop, record)
        self._add(key, Kind.INTERIM, end_hop - interims.start_hop, task)

    def drop_interim(self, key: str) -> None:
        """Drops the channel's queued interim, if there is one: its segment is closed or begins elsewhere now."""
        self._tasks.pop(self._scheduler.drop_interim(key), None)

    def advance(self, *, live: bool) -> tuple[list[Channel], list[Output]]:
        """Takes what is decoded and hands over what is due; returns the channels that have news, and interims.

        Raises:
            DeviceError: no device is left.
        """
        channels, outputs = [], []
        for outcome in self._device.poll():
            if outcome.id not in self._tasks:
                continue  # its channel was forgotten
            job, task = self._tasks.pop(outcome.id)
            (self.decoded if isinstance(outcome, Decoded) else self.failed)[job.kind] += 1
            if task.again(outcome):
                self._repeat(job, task)
                continue
            if job.kind in (Kind.FINAL_LIVE, Kind.FINAL_LIVE_AGAIN):
                self.live_finals.observe(self._clock() - job.added_s)
            output = task.done(outcome)
            if output:
                outputs.append(output)
            channels.append(task.channel)
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._pace.look(self._device.status())
        self._submit(now_s, live=live)
        return channels, outputs

    def forget(self, keys: Iterable[str]) -> None:
        """Drops the work of channels; what the device still answers is ignored."""
        gone = set(keys)
        ids = [id_ for id_, (job, _) in self._tasks.items() if job.key in gone]
        self._scheduler.drop(ids)
        for id_ in ids:
            del self._tasks[id_]

    def _submit(self, now_s: float, *, live: bool) -> None:
        while self._device.room():
            beside = self._beside_live(now_s) if live else None
            jobs = self._scheduler.next_batch(now_s, beside, self._device.held_back())
            if not jobs:
                return
            if all(job.due_s > now_s for job in jobs):
                self._undue_s = now_s
            alone = not live or (len(jobs) == 1 and jobs[0].kind is not Kind.FINAL_RECORDED)
            work = tuple(replace(self._tasks[job.id][1].work(job.id, alone=alone), session=job.session) for job in jobs)
            self._device.submit(Batch(jobs[0].model, jobs[0].language, work))

    def _beside_live(self, now_s: float) -> BesideLive:
        idle = self._device.idle()
        kept = idle == 1 and now_s - self._undue_s < KEPT_S
        return BesideLive(self._pace.ahead_of_final_hops(), self._device.ahead_hops(), idle, kept)

    def _repeat(self, job: Job, task: _Task) -> None:
        """Queues a doubtful final for a batch of its own."""
        kind = Kind.FINAL_LIVE_AGAIN if job.kind is Kind.FINAL_LIVE else job.kind
        again = replace(job, id=next(self._ids), kind=kind, hops=AGAIN_TIMES * job.hops, apart=True)
        self._scheduler.add(again)
        self._tasks[again.id] = (again, task)

    def _add(self, key: str, kind: Kind, hops: int, task: _Task) -> None:
        config, id_ = task.channel.config, next(self._ids)
        job = Job(id_, key, kind, task.channel.model, language_of(config), hops, self._clock())
        self._tasks.pop(self._scheduler.add(job), None)
        self._tasks[id_] = (job, task)
