"""What the device does next. Pure: no torch, no clock (now is an argument), no audio (a job is a ticket).

Earliest due first: a job is due when its kind's slack has passed since it was added, so finals of live
sessions go before those that are decoded again, these before interims and these before recorded windows, and whatever
waits long enough comes first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final


class Kind(Enum):
    """What a job is for."""

    FINAL_LIVE = "final_live"
    FINAL_LIVE_AGAIN = "final_live_again"
    """A doubtful one, by all means the engine has."""
    INTERIM = "interim"
    FINAL_RECORDED = "final_recorded"


SLACK_S: Final = {
    Kind.FINAL_LIVE: 0.0,
    Kind.FINAL_LIVE_AGAIN: 0.5,
    Kind.INTERIM: 10.0,
    Kind.FINAL_RECORDED: 60.0,
}
"""How much longer a job of the kind may wait than a live final."""

NO_JOB: Final = -1


@dataclass(frozen=True, slots=True)
class Job:
    """A request for one window of one channel."""

    id: int
    key: str
    kind: Kind
    model: str
    language: str
    hops: int
    added_s: float
    apart: bool = False
    """Whether it goes in a batch of its own."""

    @property
    def session(self) -> str:
        """The session of the channel."""
        return self.key.rpartition("/")[0] or self.key

    @property
    def due_s(self) -> float:
        """When the job is as urgent as a live final added at that time."""
        return self.added_s + SLACK_S[self.kind]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch grows and how long it waits for company."""

    hops: int
    """Sum of the hops of a batch; a single job may be larger."""
    jobs: int
    """Most jobs in a batch."""
    max_wait_s: float
    """A smaller batch goes after this."""
    recorded_hops_beside_live: int
    """Of recordings in a batch while live sessions are there: a long batch is what their finals wait behind."""


@dataclass(frozen=True, slots=True)
class BesideLive:
    """What holds while live sessions are there, whose finals are not to wait."""

    hops: int
    """That a final which comes next may wait for: of a batch's jobs those that are not first tries of live finals."""
    ahead_hops: int = 0
    """What a batch would wait for, 0 where a device has nothing to do. To one that works is handed what is due, as live
    finals are at once, and a full batch where both together stay within `hops`: a fast device would else have nothing
    to do until somebody looks at it again."""
    idle: int = 0
    """How many of several devices have nothing to do. What is due is shared out among them."""
    kept: bool = False
    """Whether the batch would go to the last of them, which takes no interims, so that a live final finds it free."""

    @property
    def choosy(self) -> bool:
        """Whether what is due goes apart from the rest."""
        return bool(self.ahead_hops or self.idle)


class Scheduler:
    """The queue of one process. Called from one thread."""

    def __init__(self, limits: BatchLimits) -> None:
        self.limits = limits
        self._jobs: dict[int, Job] = {}
        self._interims: dict[str, int] = {}
        self.queued_hops = 0
        """Sum over the queue."""

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> int:
        """Queues a job. An interim takes the place in time of its channel's queued one.

        Returns the id of that one, or NO_JOB.
        """
        replaced = self._interims.get(job.key, NO_JOB) if job.kind is Kind.INTERIM else NO_JOB
        if replaced != NO_JOB:
            job = replace(job, added_s=self._jobs[replaced].added_s)
            self._remove(replaced)
        self._jobs[job.id] = job
        self.queued_hops += job.hops
        if job.kind is Kind.INTERIM:
            self._interims[job.key] = job.id
        return replaced

    def drop(self, ids: Iterable[int]) -> None:
        """Forgets queued jobs; ids that are not queued are ignored."""
        for id_ in ids:
            if id_ in self._jobs:
                self._remove(id_)

    def drop_interim(self, key: str) -> int:
        """Forgets the channel's queued interim, whose segment was closed, and returns its id or NO_JOB."""
        id_ = self._interims.get(key, NO_JOB)
        if id_ != NO_JOB:
            self._remove(id_)
        return id_

    def next_batch(
        self, now_s: float, beside: "BesideLive | None" = None, held_back: frozenset[str] = frozenset()
    ) -> list[Job]:
        """Returns the next batch, taken off the queue; empty when nothing is queued or waiting may fill it.

        All jobs of a batch have one model and language. `beside`: live sessions are there. `held_back`: sessions whose
        jobs stay in the queue.
        """
        queued = [job for job in self._jobs.values() if job.session not in held_back]
        due = [job for job in queued if job.due_s <= now_s] if beside and beside.choosy else []
        jobs = due or [job for job in queued if not (beside and beside.kept and job.kind is Kind.INTERIM)]
        if not jobs:
            return []
        order = sorted(jobs, key=lambda job: (job.due_s, job.id))
        same = [job for job in order if (job.model, job.language) == (order[0].model, order[0].language)]
        batch = self._fill(same, beside, self._share(due, beside))
        full = len(batch) < len(same)
        if beside and beside.ahead_hops and not due:
            goes = full and beside.ahead_hops + sum(job.hops for job in batch) <= beside.hops
        else:
            goes = full or now_s - min(job.added_s for job in jobs) >= self.limits.max_wait_s
        if not goes:
            return []
        for job in batch:
            self._remove(job.id)
        return batch

    def _share(self, due: list[Job], beside: "BesideLive | None") -> int:
        """Returns the most hops of a batch: where several devices are idle, each gets its part of what is due."""
        if not due or beside is None or beside.idle < 2:
            return self.limits.hops
        return min(self.limits.hops, -(-sum(job.hops for job in due) // beside.idle))

    def _fill(self, jobs: list[Job], beside: "BesideLive | None", most_hops: int) -> list[Job]:
        batch: list[Job] = []
        hops = others = recorded = 0
        others_limit, recorded_limit = most_hops, most_hops
        if beside:
            others_limit, recorded_limit = beside.hops, self.limits.recorded_hops_beside_live
        for job in jobs[: self.limits.jobs]:
            hops += job.hops
            others += 0 if job.kind is Kind.FINAL_LIVE else job.hops
            recorded += job.hops if job.kind is Kind.FINAL_RECORDED else 0
            fits = hops <= most_hops and others <= others_limit and recorded <= recorded_limit
            if batch and (job.apart or batch[0].apart or not fits):
                break
            batch.append(job)
        return batch

    def _remove(self, id_: int) -> None:
        job = self._jobs.pop(id_)
        self.queued_hops -= job.hops
        if self._interims.get(job.key) == id_:
            del self._interims[job.key]
