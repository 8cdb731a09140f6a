"""Keys and values that a batch of sequences keeps between decoder steps, in buffers that outlive the batch."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Arena:
    """Memory that is cut into tensors and taken back all at once. One thread.

    Fresh pages cost more than the arithmetic on them, so the block is paged in at once and kept; should a batch need
    more, it grows to that.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, size: int) -> None:
        """Size: numbers that the largest usual batch takes."""
        self._block = torch.zeros(size, device=device, dtype=dtype).fill_(0)  # zeros alone would page nothing in
        self._used = 0
        self._taken = 0

    def take(self, *shape: int) -> Tensor:
        """Returns an uninitialised tensor that is valid until `reset`."""
        size = torch.Size(shape).numel()
        if self._used + size > self._block.numel():
            # Memory of its own for this batch; `reset` makes the block large enough for the next one like it. What
            # cannot be had is not counted: `reset` would ask for it again and again.
            own = torch.empty(shape, device=self._block.device, dtype=self._block.dtype)
            self._taken += size
            return own
        self._taken += size
        cut = self._block[self._used : self._used + size].view(shape)
        self._used += size
        return cut

    def reset(self) -> None:
        """Takes everything back."""
        wanted, self._used, self._taken = self._taken, 0, 0
        if wanted > self._block.numel():
            device, dtype = self._block.device, self._block.dtype
            self._block = torch.empty(0, device=device, dtype=dtype)  # freed before the larger one is there
            self._block = torch.empty(wanted, device=device, dtype=dtype)


class TokenCache:
    """Self-attention keys and values of a batch, and the cross-attention queries that word times need.

    All rows share the next free slot; rows that begin later have their first slots masked.
    """

    def __init__(self, arena: Arena, shape: tuple[int, int, int, int, int], aligned: Sequence[tuple[int, int]]) -> None:
        """Shape: layers, rows, heads, slots, head width. Aligned: (layer, head) whose queries are kept."""
        layers, rows, heads, slots, width = shape
        self._keys_values = arena.take(layers, 2, rows, heads, slots, width)
        self._queries = arena.take(rows, slots, len(aligned), width) if aligned else None
        self.aligned_heads = tuple(aligned)
        self.rows = rows
        self.used = 0

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Returns all keys and values [B, H, S, 64] with the new ones [B, H, P, 64] behind them."""
        end = self.used + key.shape[2]
        keys, values = self._keys_values[layer, :, : self.rows, :, :end]
        keys[:, :, self.used :] = key
        values[:, :, self.used :] = value
        return keys, values

    def keep_queries(self, layer: int, query: Tensor) -> None:
        """Keeps the alignment heads' part of cross-attention queries [B, H, P, 64]."""
        if self._queries is None:
            return
        for at, (aligned_layer, head) in enumerate(self.aligned_heads):
            if aligned_layer == layer:
                self._queries[: self.rows, self.used : self.used + query.shape[2], at] = query[:, head]

    def queries(self, row: int, start: int) -> Tensor:
        """Returns the kept queries [alignment heads, slots from start, 64] of a row."""
        if self._queries is None:
            raise ValueError("no alignment heads were named for this batch")
        return self._queries[row, start : self.used].transpose(0, 1)

    def advance(self, slots: int) -> None:
        """Counts the slots that a decoder pass has filled in every layer."""
        self.used += slots

    def move(self, source: int, target: int) -> None:
        """Overwrites row `target` with row `source`."""
        self._keys_values[:, :, target, :, : self.used] = self._keys_values[:, :, source, :, : self.used]
        if self._queries is not None:
            self._queries[target, : self.used] = self._queries[source, : self.used]


class CrossGroup:
    """Encoded audio of rows whose lengths are alike: keys and values [layer, 2, b, H, T, 64]."""

    def __init__(self, keys_values: Tensor, rows: Sequence[int], bias: Tensor) -> None:
        """Bias: [b, T], added to the attention scores; -inf behind a row's own positions."""
        self._keys_values = keys_values
        self._bias = bias
        self.rows = list(rows)
        self._refresh()

    def keys_values(self, layer: int) -> tuple[Tensor, Tensor]:
        """Returns keys and values [b, H, T, 64] of a layer."""
        keys, values = self._keys_values[layer, :, : len(self.rows)]
        return keys, values

    def key(self, layer: int, head: int, row: int) -> Tensor:
        """Returns one head's keys [T, 64] of a row of the batch."""
        return self._keys_values[layer, 0, self.rows.index(row), head]

    def drop(self, row: int) -> None:
        """Forgets a row of the batch; the group's last row takes its place."""
        at, last = self.rows.index(row), len(self.rows) - 1
        if at != last:
            self._keys_values[:, :, at] = self._keys_values[:, :, last]
            self._bias[at] = self._bias[last]
            self.rows[at] = self.rows[last]
        self.rows.pop()
        self._refresh()

    def rename(self, old: int, new: int) -> None:
        """Follows a row of the batch to its new number."""
        self.rows[self.rows.index(old)] = new
        self._refresh()

    def _refresh(self) -> None:
        self.index = torch.tensor(self.rows, device=self._bias.device, dtype=torch.int64)
        """int64 [b]: the group's rows in the batch."""
        self.in_order = self.rows == list(range(len(self.rows)))
        """Whether the group's rows are the batch's first ones in order, so that no gathering is needed."""
        self.bias = self._bias[: len(self.rows), None, None]
        """[b, 1, 1, T]."""
