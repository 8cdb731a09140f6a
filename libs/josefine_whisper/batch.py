"""The sequences that are decoded together: their caches, masks and positions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from josefine_whisper.cache import Arena, CrossGroup, TokenCache
from josefine_whisper.encoding import Encoded
from josefine_whisper.model import HEAD_WIDTH, Whisper
from josefine_whisper.rules import StopRule

GROUP_POSITIONS: Final = 64
"""Encoded audio is padded to a multiple of so many positions, and rows of one such length share a call of
cross-attention. The length depends on the row alone: with that of the longest beside it the order of sums would change,
and now and then a word. More calls cost launches, more padding memory traffic."""


@dataclass(slots=True, eq=False)
class Row:
    """One open sequence."""

    number: int
    prompt: tuple[int, ...]
    start: int
    """Place of the start of transcript in the prompt."""
    tokens: list[int]
    """Forced and decoded text tokens."""
    stop_rules: Sequence[StopRule]
    temperature: float
    generator: torch.Generator | None
    budget: int
    """Most tokens after the forced ones."""
    audio_positions: int
    attend: bool
    pad: int = 0
    """Slots of the token cache in front of the prompt that hold nothing."""
    steps: int = 0
    no_speech_probability: float = 0.0
    logprobs: list[float] = field(default_factory=list)


class Batch:
    """Rows under decoding. Row numbers change when a row is dropped: the last one takes its place."""

    def __init__(self, model: Whisper, rows: list[Row], cache: TokenCache, groups: list[CrossGroup]) -> None:
        self.rows = rows
        self._model = model
        self._cache = cache
        self._groups = groups
        self._device = model.decoder.positions.device
        self._slots = max(len(row.prompt) + len(row.tokens) for row in rows)
        for row in rows:
            row.pad = self._slots - len(row.prompt) - len(row.tokens)

    @classmethod
    def open(
        cls,
        model: Whisper,
        arena: Arena,
        rows: list[Row],
        encoded: Sequence[Encoded],
        aligned: Sequence[tuple[int, int]],
    ) -> "Batch":
        """Returns a batch of rows over their encoded audio, sorted by length; nothing is decoded yet."""
        sizes = model.dimensions
        prompts = max(len(row.prompt) + len(row.tokens) for row in rows)
        slots = prompts + max(row.budget for row in rows)  # a row's positions end earlier: others' prompts pad it
        cache = TokenCache(
            arena,
            shape=(sizes.decoder_layers, len(rows), sizes.heads, slots, HEAD_WIDTH),
            aligned=aligned,
        )
        groups = [_group(model, arena, positions, members, encoded) for positions, members in _members(encoded).items()]
        return cls(model, rows, cache, groups)

    def prefill(self) -> Tensor:
        """Returns hidden states [B, P, D] of prompts and forced tokens, aligned at their ends."""
        tokens = torch.tensor([[0] * row.pad + [*row.prompt, *row.tokens] for row in self.rows])
        slots = torch.arange(self._slots)
        pads = torch.tensor([row.pad for row in self.rows])[:, None]
        positions = (slots - pads).clamp_(min=0)
        causal = slots[:, None] >= slots
        # Slots before the prompt see themselves: a row of the softmax must not be empty.
        mask = causal & (slots >= pads[:, :, None]) | torch.eye(self._slots, dtype=torch.bool)
        return self._forward(tokens, positions, mask[:, None])

    def step(self) -> Tensor:
        """Returns hidden states [B, D] after each row's newest token."""
        tokens = torch.tensor([[row.tokens[-1]] for row in self.rows])
        used = self._cache.used
        pads = torch.tensor([row.pad for row in self.rows])
        mask = None
        if any(row.pad for row in self.rows):
            mask = (torch.arange(used + 1) >= pads[:, None])[:, None, None]
        return self._forward(tokens, used - pads[:, None], mask)[:, -1]

    def aligned(self, at: int, start: int) -> tuple[Tensor, Tensor]:
        """Returns queries [A, tokens, 64] from slot `start` on and keys [A, T, 64] of the alignment heads."""
        group = next(group for group in self._groups if at in group.rows)
        keys = [group.key(layer, head, at) for layer, head in self._cache.aligned_heads]
        return self._cache.queries(at, start), torch.stack(keys)

    def drop(self, at: int) -> None:
        """Takes a row out; the last row becomes row `at`."""
        last = len(self.rows) - 1
        group = next(group for group in self._groups if at in group.rows)
        group.drop(at)
        if at != last:
            self._cache.move(last, at)
            self.rows[at] = self.rows[last]
            next(group for group in self._groups if last in group.rows).rename(last, at)
        self.rows.pop()
        self._cache.rows = last
        self._groups = [group for group in self._groups if group.rows]

    def _forward(self, tokens: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        move = self._device
        hidden: Tensor = self._model.decoder(
            tokens.to(move), positions.to(move), self._cache, self._groups, None if mask is None else mask.to(move)
        )
        return hidden


def padded(positions: int) -> int:
    """Returns what a row's encoded audio takes, in positions."""
    return -(-positions // GROUP_POSITIONS) * GROUP_POSITIONS


def _members(encoded: Sequence[Encoded]) -> dict[int, list[int]]:
    """Returns the rows of each padded length."""
    groups: dict[int, list[int]] = {}
    for row, audio in enumerate(encoded):
        groups.setdefault(padded(len(audio)), []).append(row)
    return groups


def _group(model: Whisper, arena: Arena, positions: int, members: list[int], encoded: Sequence[Encoded]) -> CrossGroup:
    sizes = model.dimensions
    keys_values = arena.take(sizes.decoder_layers, 2, len(members), sizes.heads, positions, HEAD_WIDTH)
    bias = torch.full((len(members), positions), -torch.inf, device=keys_values.device, dtype=keys_values.dtype)
    for at, row in enumerate(members):
        length = len(encoded[row])
        for layer, both in enumerate(model.decoder.keys_values(encoded[row].states)):
            keys_values[layer, :, at, :, :length] = both
        # What is masked weighs nothing, but nothing times a leftover NaN is NaN.
        keys_values[:, :, at, :, length:] = 0
        bias[at, :length] = encoded[row].bias
    return CrossGroup(keys_values, members, bias)
