"""The one internal form of a Whisper checkpoint."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Sizes of a Whisper model."""

    mels: int
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    encoder_positions: int
    """1500: one for two hops of the 30 s window."""
    decoder_positions: int
    vocabulary: int


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Weights under the parameter names of `josefine_whisper.model`, in the file's own floating type."""

    dimensions: Dimensions
    tensors: dict[str, torch.Tensor]
    suppressed: tuple[int, ...]
    """Tokens that are never decoded: non-speech symbols and control tokens."""
    suppressed_first: tuple[int, ...]
    """Tokens that cannot be the first: a lone space, end of text."""
    alignment_heads: tuple[tuple[int, int], ...]
    """(layer, head) of the cross-attention heads that follow the audio in time."""


def every_later_head(layers: int, heads: int) -> tuple[tuple[int, int], ...]:
    """Returns all heads of the decoder's later half: what openai/whisper aligns with when it knows no better."""
    return tuple((layer, head) for layer in range(layers // 2, layers) for head in range(heads))


def fuse_rows(parts: list[torch.Tensor]) -> torch.Tensor:
    """Returns projections stacked along their output rows, so that one matrix product serves them all."""
    return torch.cat(parts, dim=0)
