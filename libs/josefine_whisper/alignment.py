"""Word times: which audio position each token listened to (openai/whisper, timing.py)."""

import math
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor

POSITIONS_PER_SECOND: Final = 50
"""An encoder position is two hops, 20 ms."""
_MEDIAN_EXCHANGES: Final = (
    (0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4),
)  # fmt: skip
"""A network that leaves the median of seven at place 3: 13 exchanges over whole arrays instead of a sort of each
seven (Devillard, Fast median search, 1998)."""


def attention_over_time(queries: Tensor, keys: Tensor) -> Tensor:
    """Returns float32 [N, T] on the CPU: how much each token listens to each position, over the alignment heads.

    The softmax over the audio is normalised over the tokens, smoothed along time and averaged over the heads.

    Args:
        queries: [A, N, 64], cross-attention queries of the states that predict the N tokens.
        keys: [A, T, 64], cross-attention keys of the request's audio.
    """
    scores = queries.float() @ keys.float().transpose(1, 2) / math.sqrt(queries.shape[-1])
    weights = scores.softmax(dim=-1)
    spread, mean = torch.std_mean(weights, dim=1, keepdim=True, correction=0)
    weights = (weights - mean) / spread.clamp_(min=1e-9)
    return _median7(weights).mean(dim=0).cpu()


def token_times(attention: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the second at which each of the N tokens begins, float64 [N], never decreasing.

    Dynamic time warping: the cheapest monotone path through minus the attention [N, T].
    """
    tokens, positions = attention.shape
    came_from_left, best = _accumulate(-attention.astype(np.float64))
    starts = np.zeros(tokens, dtype=np.int64)
    at = positions - 1
    for token in range(tokens - 1, 0, -1):
        # Along the row to the place where the path entered it, then up or diagonally into the row above.
        entered = int(came_from_left[token, at])
        starts[token] = entered
        diagonal = entered > 0 and best[token - 1, entered - 1] <= best[token - 1, entered]
        at = entered - 1 if diagonal else entered
    return starts / POSITIONS_PER_SECOND


def _accumulate(cost: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns for every cell the column where the best path to it entered its row, and that path's cost.

    A row at a time: walking right from column k to j costs the row's sum between them, so the best way to j is a
    running minimum of (entering at k) - (row's sum before k).
    """
    tokens, positions = cost.shape
    sums = cost.cumsum(axis=1)
    best = np.empty_like(cost)
    entered = np.zeros(cost.shape, dtype=np.int64)
    best[0] = sums[0]
    columns = np.arange(positions)
    for token in range(1, tokens):
        above = best[token - 1]
        entry = above.copy()
        np.minimum(entry[1:], above[:-1], out=entry[1:])
        before = sums[token] - cost[token]
        ways = entry - before
        cheapest = np.minimum.accumulate(ways)
        entered[token] = np.maximum.accumulate(np.where(ways == cheapest, columns, 0))
        best[token] = cheapest + sums[token]
    return entered, best


def _median7(weights: Tensor) -> Tensor:
    """Returns the running median of seven along the last axis, mirrored at its ends; short inputs unchanged."""
    length = weights.shape[-1]
    if length <= 3:
        return weights
    padded = F.pad(weights, (3, 3), mode="reflect")
    places = [padded[..., shift : shift + length] for shift in range(7)]
    for low, high in _MEDIAN_EXCHANGES:
        places[low], places[high] = torch.minimum(places[low], places[high]), torch.maximum(places[low], places[high])
    return places[3]
