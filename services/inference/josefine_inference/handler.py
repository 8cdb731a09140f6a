"""The inference stage as the runtime sees it: feature frames in, transcripts out."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from josefine_inference.channel import Channel, ChannelOptions
from josefine_inference.dispatch import Dispatch
from josefine_inference.frames import FrameError, parse
from josefine_inference.interims import Interims
from josefine_inference.models import Models
from josefine_inference.port import DevicePort
from josefine_inference.scheduler import BatchLimits, Scheduler
from josefine_inference.state import Life, decode
from josefine_stage.handler import Input, Progress, Rejection, Snapshot, Step, Turn
from josefine_wire.records import Error, FeatureFrame


@dataclass(frozen=True, slots=True)
class HandlerOptions:
    """What the stage is asked to do."""

    channel: ChannelOptions
    models: Models
    batches: BatchLimits
    interim_hops: int = 100
    """New audio between two interims of a segment."""
    held_bytes: int = 256 * 1024 * 1024
    """Mel in memory above which the log is not read on."""
    live_streams: int | None = None
    """Live streams that are let in; 0: any number, None: as many as the devices were measured to serve in time."""
    fault_injection: bool = False
    """Whether the devices break on purpose, which the status page has to say."""


class InferenceHandler:
    """Implements josefine_stage.handler.Handler. Called from one thread; never waits for a device."""

    def __init__(
        self, options: HandlerOptions, device: DevicePort, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._device = device
        self._dispatch = Dispatch(device, Scheduler(options.batches), clock)
        self._channels: dict[str, Channel] = {}
        self._held: dict[Channel, int] = {}
        """Bytes of mel that each channel holds; their sum is looked at in every turn."""
        self._held_bytes = 0
        self._progress: list[Progress[FeatureFrame]] = []
        self._log = structlog.get_logger()

    def restore(self, key: str, snapshot: Snapshot | None) -> None:
        state = decode(snapshot.state) if snapshot else None
        self._channels[key] = Channel(self._options.channel, state)

    def accept(self, inputs: Sequence[Input[FeatureFrame]]) -> None:
        for entry in inputs:
            channel = self._channels[entry.key]
            self._hear(entry, channel)
            self._progress += channel.collect()
            self._weigh(channel)

    def advance(self, _turn: Turn) -> Step[FeatureFrame]:
        urgent = [channel for channel in self._channels.values() if channel.urgent]
        channels, loose = self._dispatch.advance(live=any(channel.live for channel in urgent))
        for channel in channels:
            self._progress += channel.collect()
            self._weigh(channel)
        progress, self._progress = self._progress, []
        return Step(progress, loose=loose, patient=not urgent)

    def snapshot(self, key: str) -> Snapshot | None:
        channel = self._channels.get(key)
        return channel.snapshot() if channel else None

    def forget(self, keys: Iterable[str]) -> None:
        gone = set(keys)
        self._dispatch.forget(gone)
        for key in gone:
            channel = self._channels.pop(key, None)
            if channel is not None:
                self._held_bytes -= self._held.pop(channel, 0)

    def full(self) -> bool:
        """Whether decoding must free memory first; open segments alone never stop the reading that ends them."""
        return self._held_bytes > self._options.held_bytes and self._dispatch.busy

    def busy(self) -> bool:
        return self._dispatch.busy or bool(self._progress)

    def ready(self) -> bool:
        return self._device.ready()

    def close(self) -> None:
        self._device.close()

    def status(self) -> dict[str, Any]:
        """Returns what the service's status page shows: what each device has done, and what waits for them."""
        return {
            "devices": [asdict(line) for line in self._device.status()],
            "sessions": len(self._channels),
            "live_streams": self._live_streams(),
            "stream_capacity": self._stream_capacity(),
            "windows_waiting": self._dispatch.waiting,
            "windows_decoded": {kind.value: count for kind, count in self._dispatch.decoded.items()},
            "windows_failed": {kind.value: count for kind, count in self._dispatch.failed.items()},
            "live_final_seconds": self._dispatch.live_finals.status(),
            "held_bytes": self._held_bytes,
            "fault_injection": self._options.fault_injection,
        }

    def _weigh(self, channel: Channel) -> None:
        """Counts anew what a channel holds, after it has heard or told something."""
        before, now = self._held.get(channel, 0), channel.held_bytes
        self._held[channel] = now
        self._held_bytes += now - before

    def _hear(self, entry: Input[FeatureFrame], channel: Channel) -> None:
        """Gives a record to its channel and queues what it closed."""
        record = entry.record
        if channel.life is Life.REFUSED or channel.known(record["sequence"]):
            channel.drop(entry)
            return
        if channel.life is Life.ENDED:
            channel.drop(entry, Rejection("after_end", f"sequence: {record['sequence']} after the channel's end"))
            return
        if not channel.begun and record["start"]:
            channel.start(record["start"])
            refusal = self._options.models.refusal(record["start"]) or self._too_many(entry, channel)
            if refusal:
                channel.refuse(entry, refusal)
                return
        try:
            closings = channel.hear(entry, parse(record))
        except FrameError as error:
            rejection = Rejection("bad_features", str(error))
            if not (record["end"] or record["flush"]):
                channel.drop(entry, rejection)
                return
            closings = channel.hear_marks(entry, rejection)
        if channel.interims is None or channel.interims.start_hop != channel.open_hop:
            # Closed, or cut where the first part has too little speech for a segment of its own.
            channel.interims = None
            self._dispatch.drop_interim(entry.key)
        for closing in closings:
            self._dispatch.final(entry.key, channel, closing)
        if not entry.committed:
            self._interim(entry, channel)

    def _too_many(self, entry: Input[FeatureFrame], channel: Channel) -> Error | None:
        """Returns why one more live stream would be too many, or None. What was let in before a restart stays in."""
        capacity = self._stream_capacity()
        if not channel.urgent or entry.committed or not capacity:
            return None
        streams = self._live_streams()
        if streams < capacity:
            return None
        message = (
            f"{streams} live streams are as many as the devices serve in time (capacity {capacity}): try again later,"
            " or send it as a recording. To serve more, start more replicas of inference, or set JOSEFINE_LIVE_STREAMS"
        )
        return Error(code="over_capacity", message=message)

    def _stream_capacity(self) -> int:
        """Returns how many live streams are let in; 0: any number."""
        wanted = self._options.live_streams
        return self._dispatch.stream_capacity if wanted is None else wanted

    def _live_streams(self) -> int:
        return sum(channel.live and channel.begun for channel in self._channels.values())

    def _interim(self, entry: Input[FeatureFrame], channel: Channel) -> None:
        """Queues an interim of the open segment when enough was heard since the last."""
        start_hop = channel.open_hop
        if start_hop is None or not channel.live or not channel.config["interim_results"]:
            return
        if channel.interims is None:
            channel.interims = Interims(entry.key, channel.open_segment, start_hop)
        interims = channel.interims
        if interims.due(channel.heard_hop, self._options.interim_hops * self._dispatch.interim_stretch):
            interims.asked(channel.heard_hop)
            self._dispatch.interim(entry.key, channel, interims, entry.record)
