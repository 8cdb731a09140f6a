"""One replica of a stage on a log and a store in memory, which lives again after a crash."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry
from running_totals import RunningTotals, chunk

from josefine_stage.handler import Handler
from josefine_stage.health import Health
from josefine_stage.memory import MemoryClock, MemoryLog, MemoryLoose, MemoryReader, MemoryStore, MemoryUnit
from josefine_stage.metrics import stage_metrics
from josefine_stage.ports import Ports
from josefine_stage.runtime import Runtime, RuntimeOptions
from josefine_wire import topics
from josefine_wire.codec import decode, encode


class World:
    """A log, a store, and one replica of the stage at a time."""

    def __init__(
        self,
        *,
        keeps_metadata: bool = True,
        atomic: bool = True,
        snapshot_interval_s: float = 0.05,
        partitions: int = 1,
        make_handler: Callable[[], Handler[Any]] = RunningTotals,
    ) -> None:
        self._make_handler = make_handler
        self._partitions = partitions
        self.clock = MemoryClock()
        self.log = MemoryLog(self.clock)
        self.store = MemoryStore()
        self._keeps_metadata, self._atomic, self._snapshot_interval_s = keeps_metadata, atomic, snapshot_interval_s
        self.clock.now_s += 1
        self.began_ms = int(self.clock.now_s * 1000)
        self.start()

    def start(self, limit: int = 1000) -> None:
        self.handler: Any = self._make_handler()
        self.unit = MemoryUnit(self.log, atomic=self._atomic)

        def open_reader(listener: Any) -> MemoryReader:
            self.reader = MemoryReader(self.log, topics.AUDIO_RAW, listener, keeps_metadata=self._keeps_metadata)
            return self.reader

        options = RuntimeOptions(
            "ingest",
            commit_interval_s=0.0,
            snapshot_interval_s=self._snapshot_interval_s,
            poll_records=7,
            dead_letters_per_minute=limit,
        )
        ports = Ports(open_reader, self.unit, MemoryLoose(self.log), self.store, self.clock)
        self.registry = CollectorRegistry()
        self.runtime = Runtime(self.handler, ports, options, stage_metrics(self.registry), Health(self.clock))
        self.reader.assign(range(self._partitions))

    def publish(
        self, session: str, sequence: int, payload: bytes = b"\x01", *, end: bool = False, partition: int = 0
    ) -> None:
        record = chunk(session, sequence, payload, end=end, at_ms=self.began_ms)
        self.log.append(topics.AUDIO_RAW, session.encode(), encode(topics.AUDIO_RAW, record), partition)

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.runtime.turn()

    def crash(self) -> None:
        self.start()

    def totals(self, session: str) -> list[tuple[int, int]]:
        frames = self.read(topics.AUDIO_FRAMES)
        return [(f["sequence"], f["start_sample"]) for f in frames if f["session_id"] == session]

    def dead(self) -> list[dict[str, Any]]:
        return self.read(topics.DEAD_LETTERS)

    def read(self, topic: str) -> list[Any]:
        return [decode(topic, raw.value) for raw in self.log.read(topic)]
