"""Sessions of real speech in flight, a fault in the middle of them, and what became of every final."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from scene import Replica, Scene, Strike

from josefine_cli.manifest import ReferenceClip, read_manifest
from josefine_cli.recordings import recording
from josefine_client.collector import Collector, TranscriptEvent
from josefine_client.player import Finished, Player, PlayOptions, Recording
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_local.stack import LocalStack
from josefine_stage.ports import RawRecord
from josefine_wire import topics
from josefine_wire.codec import WireError, decode
from josefine_wire.records import session_config

SAMPLES = Path(__file__).parents[2] / "samples"
SHORTEST_S = 5.0
"""A shorter recording is over before the fault comes."""
COPIES = 4
BEGUN_WITHIN_S = 6.0
COUNT_S = 60.0
STRIKE_AFTER_S = 5.0
"""Twenty sessions are in the middle of their speech then, and the last four just before it."""
PATIENCE_S = 150.0

Texts = tuple[str, ...]
"""The finals of a session, in order."""


@dataclass(frozen=True)
class Fault:
    """Something that happens to the engine."""

    name: str
    strike: Strike
    detect_within_s: float = 0.0
    """Bar for the time to detect; 0: none."""
    recover_within_s: float = 0.0
    """Bar for the time from there to the next result; 0: none."""
    finals_within_s: float = 0.0
    """Bar for the latest final of the other sessions; 0: none."""
    same_generation: bool = False
    """Whether it must not cause a rebalance of inference."""
    needs_small_disk: bool = False
    """Whether the broker's disk has to be one that can be filled."""
    replica: Callable[[Scene], Replica] | None = None
    """One more instance of a service for the strike, made ready before anybody speaks."""


@dataclass
class Outcome:
    """One repeat of one fault."""

    fault: str
    where: str
    """Kind of stack."""
    sessions: int = 0
    finals: int = 0
    lost: int = 0
    repeated: int = 0
    """Finals that read_committed readers saw more than once."""
    changed: int = 0
    detect_s: float | None = None
    next_result_s: float | None = None
    """From the fault to the first result after it was noticed."""
    silence_s: float | None = None
    """Longest time between two results of any sessions from the fault on."""
    rebalanced: bool | None = None
    """Whether inference's group had a rebalance, where that was looked at."""
    latest_final_s: float = 0.0
    """Longest time from the last sample of a segment to its final."""
    problems: list[str] = field(default_factory=list)


def readable(raw: RawRecord) -> Any | None:
    """Returns the record, or None: garbage is one of the faults."""
    try:
        return decode(raw.source.topic, raw.value)
    except WireError:
        return None


def clips() -> list[ReferenceClip]:
    """Returns the recordings that are long enough."""
    return [clip for clip in read_manifest(SAMPLES) if clip.duration_s >= SHORTEST_S]


def recordings() -> Iterator[tuple[str, Recording]]:
    """Yields 24 live sessions with the names of their clips."""
    chosen = clips() * COPIES
    for number, clip in enumerate(chosen):
        delay_s = BEGUN_WITHIN_S * number / len(chosen)
        yield clip.path.name, recording(clip.path, session_config("LIVE"), 1.0, delay_s=delay_s)


class Run:
    """Plays the sessions once."""

    def __init__(self, stack: LocalStack) -> None:
        self._broker = Broker(stack.bootstrap_servers, {"log_level": "2"})
        self.finished: dict[str, Finished] = {}
        self.arrivals_s: list[float] = []
        self.latest_final_s = 0.0
        """Longest time from the last sample of a segment to its final."""
        self.clip_of: dict[str, str] = {}
        self._times_seen: Counter[str] = Counter()
        self._tail = TopicTail(self._broker, [topics.TRANSCRIPTS], "end")

    @property
    def speaking(self) -> int:
        """Number of sessions that have not ended."""
        return len(self.clip_of) - len(self.finished)

    def play(self, begun: Callable[[], None]) -> None:
        """Plays all sessions to their ends; calls `begun` when the first byte is to be sent."""
        chosen = list(recordings())
        self.clip_of = {each.session.session_id: clip for clip, each in chosen}
        with Publisher.connect(self._broker) as publisher, Collector.connect(self._broker) as collector:
            player = Player(publisher, collector, PlayOptions(in_flight=len(chosen), patience_s=PATIENCE_S))
            begun()
            for event in player.play([each for _, each in chosen]):
                if isinstance(event, TranscriptEvent):
                    self.arrivals_s.append(time.monotonic())
                    self._note(event)
                elif isinstance(event, Finished):
                    self.finished[event.recording.session.session_id] = event

    def _note(self, event: TranscriptEvent) -> None:
        if event.record["kind"] == "FINAL" and event.record["captured_at"]:
            late_s = event.arrived_at_s - event.record["captured_at"] / 1e6
            self.latest_final_s = max(self.latest_final_s, late_s)

    def count(self) -> None:
        """Counts how often a read_committed reader sees each final. To be called when nobody writes any more."""
        deadline_s = time.monotonic() + COUNT_S
        wanted = sum(len(texts) for texts in self.texts().values())
        while not (self._tail.at_end() and len(self._times_seen) >= wanted) and time.monotonic() < deadline_s:
            for raw in self._tail.poll(0.2):
                record = readable(raw)
                if record and record["kind"] == "FINAL" and record["session_id"] in self.clip_of:
                    self._times_seen[record["id"]] += 1
        self._tail.close()

    def texts(self) -> Mapping[str, Texts]:
        """Returns the finals of each session that was finished."""
        return {
            session_id: tuple(final["text"] for final in done.result.finals())
            for session_id, done in self.finished.items()
        }

    def judge(self, outcome: Outcome, undisturbed: Mapping[str, Texts]) -> None:
        """Compares with the undisturbed run."""
        texts = self.texts()
        for session_id, clip in self.clip_of.items():
            heard, expected = texts.get(session_id, ()), undisturbed[clip]
            done = self.finished.get(session_id)
            if done is None or done.failure or done.result.error:
                outcome.problems.append(f"{clip}: {done.failure or done.result.error if done else 'never finished'}")
            outcome.lost += max(len(expected) - len(heard), 0)
            outcome.changed += heard != expected
            outcome.finals += len(heard)
        outcome.sessions = len(self.clip_of)
        outcome.repeated = sum(times - 1 for times in self._times_seen.values())
        outcome.latest_final_s = self.latest_final_s


def strike_in_the_middle(fault: Fault, scene: Scene, where: str, undisturbed: Mapping[str, Texts]) -> Outcome:
    """Plays the sessions, lets the fault happen in the middle, and returns what became of them."""
    scene.wait_for(scene.ready, "the whole stack")
    with fault.replica(scene) if fault.replica else nullcontext() as scene.replica:
        return _struck(fault, scene, where, undisturbed)


def _struck(fault: Fault, scene: Scene, where: str, undisturbed: Mapping[str, Texts]) -> Outcome:
    outcome, run = Outcome(fault.name, where), Run(scene.stack)
    scene.speaking = lambda: run.speaking
    generation = scene.generation("inference")
    begun, struck, failed = threading.Event(), list[float](), list[BaseException]()

    def strike() -> None:
        begun.wait()
        scene.pause(STRIKE_AFTER_S)
        try:
            struck.append(time.monotonic())
            noticed = fault.strike(scene)
            if noticed is not None:
                scene.wait_for(noticed, f"{fault.name} to be noticed")
                outcome.detect_s = time.monotonic() - struck[0]
        except BaseException as error:  # noqa: BLE001 - the thread's boundary: raised below
            failed.append(error)

    thread = threading.Thread(target=strike, name="fault", daemon=True)
    thread.start()
    run.play(begun.set)
    thread.join()
    if failed:
        raise failed[0]
    run.count()
    after_s = [at - struck[0] for at in run.arrivals_s if at > struck[0]]
    # What is noticed last is noticed when all sessions are over.
    following_s = [at for at in after_s if at > (outcome.detect_s or 0.0)] or after_s
    outcome.next_result_s = min(following_s, default=None)
    outcome.silence_s = max((later - earlier for earlier, later in pairwise([0.0, *after_s])), default=None)
    if fault.same_generation:
        outcome.rebalanced = scene.generation("inference") != generation
    run.judge(outcome, undisturbed)
    return outcome
