"""audio.raw -> audio.frames, as the stage runtime calls it."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from josefine_ingest.lane import Lane, Piece, queued_bytes
from josefine_ingest.limits import IngestLimits
from josefine_ingest.probe import decodes
from josefine_ingest.session import Phase
from josefine_ingest.snapshots import restored
from josefine_stage.handler import Input, Snapshot, Step, Turn
from josefine_wire.positions import seconds
from josefine_wire.records import AudioChunk

_SWEEP_S: Final = 1.0
"""Time between two looks for silent producers."""
_PROBE_S: Final = 10.0
"""Time between two tries of the decoder."""

log = structlog.get_logger()


class IngestHandler:
    """Turns chunks into frames, a piece of each session at a time, live sessions first. Runtime's thread."""

    def __init__(self, limits: IngestLimits, clock: Callable[[], float] = time.perf_counter) -> None:
        self._limits: Final = limits
        self._clock: Final = clock
        self._lanes: dict[str, Lane] = {}
        self._live: deque[Lane] = deque()
        self._recorded: deque[Lane] = deque()
        self._queued_bytes = 0
        self._swept_s = self._probed_s = -math.inf
        self._ready = decodes()

    def restore(self, key: str, snapshot: Snapshot | None) -> None:
        self._lanes[key] = Lane(restored(key, self._limits, snapshot), self._limits)

    def accept(self, inputs: Sequence[Input[AudioChunk]]) -> None:
        for entry in inputs:
            lane = self._lanes[entry.key]
            lane.add(entry)
            self._queued_bytes += queued_bytes(entry)
            self._schedule(lane)

    def advance(self, turn: Turn) -> Step[AudioChunk]:
        self._keep_watch(turn)
        deadline_s = self._clock() + self._limits.turn_s
        pieces = self._work(self._live, turn.now_s, deadline_s)
        pieces += self._work(self._recorded, turn.now_s, deadline_s)
        progress = [each for piece in pieces if (each := piece.progress) is not None]
        unasked = [output for piece in pieces if piece.entry is None for output in piece.outputs]
        return Step(progress, unasked)

    def snapshot(self, key: str) -> Snapshot | None:
        return self._lanes[key].snapshot()

    def forget(self, keys: Iterable[str]) -> None:
        gone = [lane for key in keys if (lane := self._lanes.pop(key, None)) is not None]
        for lane in gone:
            self._queued_bytes -= lane.queued_bytes
            lane.close()
        if any(lane.scheduled for lane in gone):
            self._live = deque(lane for lane in self._live if not lane.closed)
            self._recorded = deque(lane for lane in self._recorded if not lane.closed)

    def full(self) -> bool:
        return self._queued_bytes >= self._limits.queue_limit_bytes

    def busy(self) -> bool:
        return bool(self._live or self._recorded)

    def ready(self) -> bool:
        return self._ready

    def status(self) -> Mapping[str, Any]:
        return {"sessions": len(self._lanes), "queued_bytes": self._queued_bytes}

    def close(self) -> None:
        self.forget(list(self._lanes))

    def _schedule(self, lane: Lane) -> None:
        if not lane.scheduled:
            lane.scheduled = True
            (self._live if lane.session.urgent else self._recorded).append(lane)

    def _keep_watch(self, turn: Turn) -> None:
        """Looks for silent producers and tries the decoder, now and then."""
        if turn.now_s - self._probed_s >= _PROBE_S:
            self._probed_s, self._ready = turn.now_s, decodes()
        if turn.now_s - self._swept_s < _SWEEP_S:
            return
        self._swept_s = turn.now_s
        for lane in self._lanes.values():
            since_s = lane.silent_since_s
            silent = since_s is not None and turn.now_s - since_s >= self._limits.idle_timeout_s
            if silent and lane.source in turn.caught_up:
                lane.time_out()
                self._schedule(lane)

    def _work(self, lanes: deque[Lane], now_s: float, deadline_s: float) -> list[Piece]:
        """Goes round the lanes until the deadline; one piece is done in any case, so that all get on."""
        pieces: list[Piece] = []
        resting: list[Lane] = []
        while lanes and not (pieces and self._clock() >= deadline_s):
            lane = lanes.popleft()
            if not lane.may_step(now_s):
                resting.append(lane)
                continue
            piece = lane.step(now_s)
            pieces.append(piece)
            self._settle(lane, piece)
        lanes.extend(resting)
        return pieces

    def _settle(self, lane: Lane, piece: Piece) -> None:
        """Puts a lane back in the queue where it belongs now: the first record told its mode."""
        if piece.done and piece.entry is not None:
            self._queued_bytes -= queued_bytes(piece.entry)
        lane.scheduled = False
        if lane.waiting:
            self._schedule(lane)
        if piece.outputs and lane.session.phase is Phase.ENDED:
            _log_end(piece)


def _log_end(piece: Piece) -> None:
    last = piece.outputs[-1].record
    if last["end"] is not None and not (piece.entry is not None and piece.entry.committed):
        log.info(
            "session_ended",
            session=last["session_id"],
            reason=last["end"]["reason"],
            code=last["end"]["code"],
            audio_s=seconds(last["end"]["samples"]),
        )
