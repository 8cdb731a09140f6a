"""Windows of several lengths through the encoder."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from josefine_whisper import context
from josefine_whisper.model import Encoder
from josefine_whisper.window import WINDOW_HOPS, normalise

_BATCH: Final = {"cuda": 32}
"""Windows of one length encoded in one call. On a CPU a batch gains nothing, and int8 scales stay per window."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the decoder listens to."""

    states: Tensor
    """[T, D], the window's own positions, then those that stand for silence."""
    bias: Tensor
    """[T], added to the attention scores."""

    def __len__(self) -> int:
        return len(self.states)


class WindowEncoder:
    """The encoder with the context that its model needs. One thread."""

    def __init__(self, encoder: Encoder, mels: int, policy: context.ContextPolicy) -> None:
        self._encoder = encoder
        self._policy = policy
        self._silence = context.SilenceStore(encoder, mels)

    def shortens(self, log_mel: NDArray[np.float16]) -> bool:
        """Returns whether less than the full window is encoded for this audio at first."""
        return context.window_hops(len(log_mel), self._policy, context.SILENCE_HOPS) < WINDOW_HOPS

    @torch.inference_mode()
    def encode(self, windows: Sequence[tuple[NDArray[np.float16], int]]) -> list[Encoded]:
        """Returns one for each (log-mel [hops, mels], least hops of silence behind it), in their order."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, (log_mel, silence_hops) in enumerate(windows):
            by_length[context.window_hops(len(log_mel), self._policy, silence_hops)].append(index)
        encoded: dict[int, Encoded] = {}
        batch = _BATCH.get(self._encoder.positions.device.type, 1)
        for hops, indices in by_length.items():
            for start in range(0, len(indices), batch):
                chosen = indices[start : start + batch]
                outputs = self._encode([windows[index][0] for index in chosen], hops)
                encoded.update(zip(chosen, outputs, strict=True))
        return [encoded[index] for index in range(len(windows))]

    def _encode(self, log_mels: Sequence[NDArray[np.float16]], hops: int) -> list[Encoded]:
        like = self._encoder.positions
        windows = torch.from_numpy(np.stack([normalise(log_mel, hops) for log_mel in log_mels])).to(like)
        bias = torch.tensor(context.score_bias(hops)).to(like)
        if hops == WINDOW_HOPS:
            return [Encoded(output, bias) for output in self._encoder(windows)]
        silence = [self._silence.behind(log_mel, hops) for log_mel in log_mels]
        outputs: Tensor = self._encoder(windows, silence, bias)
        return [Encoded(torch.cat([output, one.encoded]), bias) for output, one in zip(outputs, silence, strict=True)]
