"""audio.frames -> feature.frames, as the stage runtime calls it."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from josefine_feature.channel import Channel
from josefine_feature.run import Run
from josefine_speech.features import FeatureExtractor, Stream, Stretch
from josefine_stage.handler import Input, Progress, Snapshot, Step, Turn
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import AudioFrame

_PROOF_S: Final = 10.0
"""How long work that succeeded shows that the stage is ready."""


class FeatureHandler:
    """Features of all channels, a slice of audio a turn, the channels by turns. Runtime's thread."""

    def __init__(self, extractor: FeatureExtractor, *, slice_samples: int, queue_limit_bytes: int) -> None:
        """Takes over the extractor.

        Args:
            extractor: Log-mel and voice activity.
            slice_samples: Audio of all channels together in one turn; one frame of each may go beyond it.
            queue_limit_bytes: Frames in memory at which reading is paused.
        """
        self._extractor: Final = extractor
        self._slice_samples: Final = slice_samples
        self._queue_limit_bytes: Final = queue_limit_bytes
        self._channels: Final[dict[str, Channel]] = {}
        self._waiting: Final[OrderedDict[str, None]] = OrderedDict()
        """Keys of channels with frames that wait; who has waited longest is first."""
        self._now_s = 0.0
        self._proved_s = float("-inf")

    def restore(self, key: str, snapshot: Snapshot | None) -> None:
        self._channels[key] = Channel(snapshot)

    def accept(self, inputs: Sequence[Input[AudioFrame]]) -> None:
        for entry in inputs:
            channel = self._channels[entry.key]
            channel.add(entry)
            self._waiting[entry.key] = None
            if channel.closed:
                # The runtime may forget a closed channel at its next commit, so it is answered before.
                self._waiting.move_to_end(entry.key, last=False)

    def advance(self, turn: Turn) -> Step[AudioFrame]:
        self._now_s = turn.now_s
        runs = self._runs()
        heard = {key: run.stretch() for key, run in runs.items() if run.admitted}
        features = dict(zip(heard, self._extractor.extract(list(heard.values())), strict=True))
        if heard:
            self._proved_s = self._now_s
        progress: list[Progress[AudioFrame]] = []
        for key, run in runs.items():
            progress += self._channels[key].finish(run, features.get(key), self._extractor.mels)
        return Step(progress)

    def _runs(self) -> dict[str, Run]:
        """Takes a slice of what waits: a fair share of each channel, so that a long backlog delays nobody else."""
        runs: dict[str, Run] = {}
        share = max(1, self._slice_samples // max(1, len(self._waiting)))
        taken = 0
        for key in list(self._waiting):
            if taken >= self._slice_samples:
                break
            channel = self._channels[key]
            runs[key] = channel.take(share)
            taken += runs[key].samples
            self._waiting.move_to_end(key)
            if not channel.waiting:
                del self._waiting[key]
        return runs

    def snapshot(self, key: str) -> Snapshot | None:
        return self._channels[key].snapshot()

    def forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._channels.pop(key, None)
            self._waiting.pop(key, None)

    def full(self) -> bool:
        return self._queued_bytes() >= self._queue_limit_bytes

    def busy(self) -> bool:
        return bool(self._waiting)

    def ready(self) -> bool:
        if self._now_s - self._proved_s >= _PROOF_S:
            second = Stretch(Stream(), bytes(2 * SAMPLE_RATE_HZ), end=True)
            (features,) = self._extractor.extract([second])
            if len(features.log_mel) != 100 or len(features.speech_probability) != 32:
                return False
            self._proved_s = self._now_s
        return True

    def status(self) -> Mapping[str, Any]:
        return {
            "sessions": len(self._channels),
            "sessions_waiting": len(self._waiting),
            "queued_bytes": self._queued_bytes(),
        }

    def close(self) -> None:
        """Owns nothing outside this process."""

    def _queued_bytes(self) -> int:
        return sum(self._channels[key].queued_bytes for key in self._waiting)
