"""Whisper's encoder and decoder (Radford et al. 2022, arXiv:2212.04356): modules and shapes, nothing else.

B windows or sequences, T encoder positions (20 ms each), P tokens of one call, S slots of the token cache,
H heads of width 64, D = H * 64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from josefine_whisper.cache import CrossGroup, TokenCache
from josefine_whisper.weights.checkpoint import Checkpoint, Dimensions

HEAD_WIDTH: Final = 64
MLP_WIDENING: Final = 4
GELU_SERIAL_ELEMENTS: Final = 16_384
"""So many numbers torch's own GELU takes in one thread on a CPU (GELU_MIN_ELEMENTS_FOR_MULTI_THREADING)."""


class SelfAttention(nn.Module):
    """Query, key and value of all heads in one product."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns query, key and value [B, H, P, 64] of x [B, P, D]."""
        query, key, value = self.qkv(x).unflatten(-1, (3, -1, HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        return query, key, value

    def merge(self, heads: Tensor) -> Tensor:
        """Returns [B, P, D] of attended values [B, H, P, 64]."""
        projected: Tensor = self.out(heads.transpose(1, 2).flatten(2))
        return projected


class CrossAttention(nn.Module):
    """Attention of tokens to the encoded audio; key and value of all heads in one product."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """Returns queries [B, H, P, 64] of x [B, P, D]."""
        queries: Tensor = self.query(x).unflatten(-1, (-1, HEAD_WIDTH)).transpose(1, 2)
        return queries

    def keys_values(self, encoded: Tensor) -> Tensor:
        """Returns [2, H, T, 64], keys then values, of one encoded window [T, D]."""
        both: Tensor = self.key_value(encoded).unflatten(-1, (2, -1, HEAD_WIDTH))
        return both.permute(1, 2, 0, 3)

    def merge(self, heads: Tensor) -> Tensor:
        """Returns [B, P, D] of attended values [B, H, P, 64]."""
        projected: Tensor = self.out(heads.transpose(1, 2).flatten(2))
        return projected


class Mlp(nn.Module):
    """The feed-forward part of a block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, MLP_WIDENING * width)
        self.contract = nn.Linear(MLP_WIDENING * width, width)

    def forward(self, x: Tensor) -> Tensor:
        contracted: Tensor = self.contract(F.gelu(self.expand(x)))
        return contracted


class TokenMlp(Mlp):
    """The same for tokens, each of which is to give the same bytes whatever is beside it, in float32 and int8.

    On a CPU threads share the numbers of such a GELU out without regard to rows, and what is left over at the end of a
    share is rounded otherwise. So it is given as many rows as one thread takes.
    """

    def forward(self, x: Tensor) -> Tensor:
        expanded = self.expand(x)
        rows = expanded.view(-1, expanded.shape[-1])
        shared = rows.device.type == "cpu" and rows.dtype == torch.float32
        together = max(1, GELU_SERIAL_ELEMENTS // rows.shape[1]) if shared else len(rows)
        for part in rows.split(together):
            torch.ops.aten.gelu_(part)
        contracted: Tensor = self.contract(expanded)
        return contracted


@dataclass(frozen=True, slots=True, eq=False)
class Silence:
    """Encoded silence that stands for positions which were not encoded (see context.py)."""

    keys_values: Tensor
    """[encoder layers, 2, H, C, 64] for C positions."""
    encoded: Tensor
    """[C, D], the encoder's output there."""

    def last(self, count: int) -> "Silence":
        """Returns the last positions."""
        start = len(self.encoded) - count
        return Silence(self.keys_values[:, :, :, start:], self.encoded[start:])


class EncoderBlock(nn.Module):
    """Pre-norm self-attention and feed-forward."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor, silence: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Returns [B, T, D] of x [B, T, D]; silence [2, B, H, C, 64] is listened to as well, with a bias
        [1, T + C].
        """
        query, key, value = self.attention.split(self.attention_norm(x))
        if silence is not None:
            key, value = torch.cat([key, silence[0]], dim=2), torch.cat([value, silence[1]], dim=2)
        x = x + self.attention.merge(F.scaled_dot_product_attention(query, key, value, attn_mask=bias))
        forwarded: Tensor = self.mlp(self.mlp_norm(x))
        return x + forwarded

    def keys_values(self, x: Tensor) -> Tensor:
        """Returns keys and values [2, B, H, T, 64] of x [B, T, D]."""
        _, key, value = self.attention.split(self.attention_norm(x))
        return torch.stack([key, value])


class Encoder(nn.Module):
    """Log-mel windows [B, mels, hops] to [B, hops / 2, D]; any even number of hops up to 3000."""

    def __init__(self, dimensions: Dimensions) -> None:
        super().__init__()
        width = dimensions.width
        self.conv1 = nn.Conv1d(dimensions.mels, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.empty(dimensions.encoder_positions, width))
        self.blocks = nn.ModuleList(EncoderBlock(width) for _ in range(dimensions.encoder_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, windows: Tensor, silence: Sequence[Silence] = (), bias: Tensor | None = None) -> Tensor:
        """Returns [B, T, D].

        Args:
            windows: [B, mels, 2 * T].
            silence: One a window, all of C positions, for what was not encoded; none for full windows.
            bias: [T + C], added to the attention scores.
        """
        x = self._convolve(windows)
        for layer, block in enumerate(self.blocks):
            stand_ins = torch.stack([one.keys_values[layer] for one in silence], dim=1) if silence else None
            x = block(x, stand_ins, None if bias is None else bias[None])
        normed: Tensor = self.norm(x)
        return normed

    def listen(self, window: Tensor, places: Tensor) -> Silence:
        """Returns the keys, values and output of one silent window [1, mels, hops] at places int64 [C]."""
        x = self._convolve(window)
        layers = []
        for block in self.blocks:
            assert isinstance(block, EncoderBlock)  # noqa: S101 - for the type checker: ModuleList has no item type
            layers.append(block.keys_values(x)[:, 0, :, places])
            x = block(x)
        return Silence(torch.stack(layers), self.norm(x)[0, places])

    def _convolve(self, windows: Tensor) -> Tensor:
        x = F.gelu(self.conv1(windows))
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        return x + self.positions[: x.shape[1]]


class DecoderBlock(nn.Module):
    """Pre-norm self-attention over cached tokens, cross-attention over the audio, feed-forward."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width)
        self.cross_norm = nn.LayerNorm(width)
        self.cross = CrossAttention(width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = TokenMlp(width)

    def forward(
        self, x: Tensor, layer: int, cache: TokenCache, groups: list[CrossGroup], mask: Tensor | None
    ) -> Tensor:
        query, key, value = self.attention.split(self.attention_norm(x))
        keys, values = cache.append(layer, key, value)
        x = x + self.attention.merge(F.scaled_dot_product_attention(query, keys, values, attn_mask=mask))
        query = self.cross.split(self.cross_norm(x))
        cache.keep_queries(layer, query)
        x = x + self.cross.merge(_attend_groups(query, layer, groups))
        forwarded: Tensor = self.mlp(self.mlp_norm(x))
        return x + forwarded


class Decoder(nn.Module):
    """Tokens to hidden states, and hidden states to logits over the vocabulary."""

    def __init__(self, dimensions: Dimensions) -> None:
        super().__init__()
        width = dimensions.width
        self.embedding = nn.Embedding(dimensions.vocabulary, width)
        self.positions = nn.Parameter(torch.empty(dimensions.decoder_positions, width))
        self.blocks = nn.ModuleList(DecoderBlock(width) for _ in range(dimensions.decoder_layers))
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, dimensions.vocabulary, bias=False)

    def forward(
        self, tokens: Tensor, positions: Tensor, cache: TokenCache, groups: list[CrossGroup], mask: Tensor | None
    ) -> Tensor:
        """Returns hidden states [B, P, D].

        Args:
            tokens: int64 [B, P].
            positions: int64 [B, P], place of each token in its own sequence.
            cache: Slots for these P tokens are taken from it.
            groups: Encoded audio of the rows.
            mask: bool [B, 1, P, S], true where a token may look at a slot; None: everywhere.
        """
        x = self.embedding(tokens).to(self.positions.dtype) + self.positions[positions]
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, cache, groups, mask)
        cache.advance(tokens.shape[1])
        normed: Tensor = self.norm(x)
        return normed

    def keys_values(self, encoded: Tensor) -> Iterator[Tensor]:
        """Yields each layer's [2, H, T, 64], keys then values, of one encoded window [T, D]."""
        for block in self.blocks:
            assert isinstance(block, DecoderBlock)  # noqa: S101 - for the type checker: ModuleList has no item type
            yield block.cross.keys_values(encoded)

    def logits(self, hidden: Tensor) -> Tensor:
        """Returns float32 [..., vocabulary] of hidden states [..., D]."""
        projected: Tensor = self.projection(hidden)
        return projected.float()


class Whisper(nn.Module):
    """Encoder and decoder."""

    def __init__(self, dimensions: Dimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.encoder = Encoder(dimensions)
        self.decoder = Decoder(dimensions)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "Whisper":
        """Returns the model with the checkpoint's own tensors, unconverted; the projection shares the embedding."""
        with torch.device("meta"):
            model = cls(checkpoint.dimensions)
        embedding = checkpoint.tensors["decoder.embedding.weight"]
        model.load_state_dict({**checkpoint.tensors, "decoder.projection.weight": embedding}, assign=True)
        return model.eval().requires_grad_(requires_grad=False)


def _attend_groups(query: Tensor, layer: int, groups: list[CrossGroup]) -> Tensor:
    """Returns attended values [B, H, P, 64]: each group of rows over its own length of audio."""
    if len(groups) == 1 and groups[0].in_order:
        return F.scaled_dot_product_attention(query, *groups[0].keys_values(layer), attn_mask=groups[0].bias)
    attended = torch.empty_like(query)
    for group in groups:
        attended[group.index] = F.scaled_dot_product_attention(
            query[group.index], *group.keys_values(layer), attn_mask=group.bias
        )
    return attended
