"""The bare model loop: windows that are there already, one batch after another through the engine, nothing else.

What the whole stack is divided by. The windows are those that the stack itself cut, read back from its log, in batches
of the stack's own size, so that nothing but the stack's overhead is between the two figures.
"""

import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from typing import Final

from josefine_inference.channel import ChannelOptions
from josefine_inference.child import Loaded, load_whisper
from josefine_inference.devices import Place, cuda_driver, places, usable_cores
from josefine_inference.handler import HandlerOptions, InferenceHandler
from josefine_inference.messages import Batch, Outcome
from josefine_inference.models import Models
from josefine_inference.port import DeviceStatus
from josefine_inference.process import CHILD_ENVIRONMENT
from josefine_inference.scheduler import BatchLimits
from josefine_inference.settings import InferenceSettings
from josefine_kafka.connection import Broker
from josefine_kafka.tail import TopicTail
from josefine_stage.handler import Input, Turn
from josefine_stage.ports import RawRecord
from josefine_wire.codec import decode
from josefine_wire.topics import FEATURE_FRAMES

READ_S = 0.5


class _Kept:
    """A device that keeps what it is given, to be decoded by the bare loop."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def held_back(self) -> frozenset[str]:
        return frozenset()

    def ahead_hops(self) -> int:
        return 0

    def idle(self) -> int:
        return 0

    def room(self) -> int:
        return 1

    def submit(self, batch: Batch) -> None:
        self.batches.append(batch)

    def poll(self) -> list[Outcome]:
        return []

    def ready(self) -> bool:
        return True

    def status(self) -> list[DeviceStatus]:
        return []

    def close(self) -> None:
        """Owns nothing."""


def feature_frames(broker: Broker) -> list[RawRecord]:
    """Returns all that was ever written to the topic, in the order of each partition."""
    tail = TopicTail(broker, [FEATURE_FRAMES], "beginning")
    records: list[RawRecord] = []
    while not tail.at_end():
        records += tail.poll(READ_S)
    tail.close()
    return records


def batches(records: Iterable[RawRecord], limits: BatchLimits) -> list[Batch]:
    """Returns the windows of the sessions in full batches, as the stack cuts them."""
    kept = _Kept()
    handler = InferenceHandler(HandlerOptions(ChannelOptions("tiny.en"), Models("tiny.en"), limits), kept)
    known: set[str] = set()
    for raw in records:
        key = (raw.key or b"").decode()
        if key not in known:
            known.add(key)
            handler.restore(key, None)
        entry = Input(raw.source, raw.offset, key, raw.timestamp_ms, decode(FEATURE_FRAMES, raw.value))
        handler.accept([entry])
    handler.advance(Turn(0.0))
    return kept.batches


def default_limits() -> BatchLimits:
    """Returns the limits that the service has by itself; nothing waits for company, for all are there."""
    settings = InferenceSettings()
    return BatchLimits(settings.batch_hops, settings.batch_jobs, 0.0, settings.recorded_hops_beside_live)


def bare_model(name: str, *, dtype: str = "auto", device: str = "auto", threads: int = 0) -> Loaded:
    """Returns the model, loaded in this process under the environment that a device child has."""
    for key, value in CHILD_ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    return load_whisper(name, device=device, dtype=dtype, threads=threads)


def decode_all(loaded: Loaded, work: Sequence[Batch]) -> tuple[float, float]:
    """Decodes the batches as the service's child would; returns wall and CPU seconds."""
    started_s, cpu_s = time.perf_counter(), time.process_time()
    for batch in work:
        _decode(loaded, batch)
    return time.perf_counter() - started_s, time.process_time() - cpu_s


def _decode(loaded: Loaded, batch: Batch) -> None:
    requests = [
        loaded.request(log_mel=each.log_mel, prefix=each.prefix, word_times=each.word_times, fallback=each.fallback)
        for each in batch.work
    ]
    loaded.model.transcribe(requests, batch.language)


class BareLoops:
    """As many bare loops as the service has devices, each in a process of its own with its share of the cores."""

    def __init__(self, name: str) -> None:
        settings = InferenceSettings()
        self.places: Final = places(settings.device, settings.threads, cores=usable_cores(), driver=cuda_driver())
        # Each process takes one when it begins.
        waiting = get_context("spawn").SimpleQueue()
        for place in self.places:
            waiting.put(place)
        self._pool: Final = ProcessPoolExecutor(
            len(self.places), get_context("spawn"), initializer=_load, initargs=(name, waiting)
        )

    def decode_all(self, work: Sequence[Batch]) -> float:
        """Decodes the batches, each loop the next one as soon as it has none; returns wall seconds."""
        started_s = time.perf_counter()
        list(self._pool.map(_decode_here, work))
        return time.perf_counter() - started_s

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown()


_HERE: dict[str, Loaded] = {}
"""Of a process of BareLoops."""


def _load(name: str, waiting: "SimpleQueue[Place]") -> None:
    place = waiting.get()
    _HERE["model"] = bare_model(name, device=place.device, threads=place.threads)


def _decode_here(batch: Batch) -> None:
    _decode(_HERE["model"], batch)
