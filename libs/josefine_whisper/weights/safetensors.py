"""Hugging Face's published Whisper checkpoints: model.safetensors, config.json, generation_config.json."""

import json
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from josefine_whisper.errors import CheckpointError
from josefine_whisper.weights.checkpoint import Checkpoint, Dimensions, every_later_head, fuse_rows

_NORMS: Final = {
    "self_attn_layer_norm": "attention_norm",
    "encoder_attn_layer_norm": "cross_norm",
    "final_layer_norm": "mlp_norm",
}
_LINEARS: Final = {
    "self_attn.out_proj": "attention.out",
    "encoder_attn.q_proj": "cross.query",
    "encoder_attn.out_proj": "cross.out",
    "fc1": "mlp.expand",
    "fc2": "mlp.contract",
}


def read(folder: Path) -> Checkpoint:
    """Returns the checkpoint of a Hugging Face folder; sharded files are joined.

    Raises:
        CheckpointError: A file is missing or unreadable, or a tensor that Whisper needs is not in it.
    """
    config = _json(folder / "config.json", required=True)
    generation = {**config, **_json(folder / "generation_config.json", required=False)}
    source = _load(folder)
    try:
        dimensions = _dimensions(config)
        tensors = _tensors(source, dimensions)
    except KeyError as error:
        raise CheckpointError(f"{folder}: not a Whisper checkpoint: {error} is missing") from error
    heads = tuple((int(layer), int(head)) for layer, head in generation.get("alignment_heads") or ())
    return Checkpoint(
        dimensions=dimensions,
        tensors=tensors,
        suppressed=tuple(generation.get("suppress_tokens") or ()),
        suppressed_first=tuple(generation.get("begin_suppress_tokens") or ()),
        alignment_heads=heads or every_later_head(dimensions.decoder_layers, dimensions.heads),
    )


def files(folder: Path) -> list[Path]:
    """Returns the files of a checkpoint: one, or its shards; copies in other precisions beside it are not taken."""
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else sorted(folder.glob("model-*-of-*.safetensors"))


def _load(folder: Path) -> dict[str, torch.Tensor]:
    source: dict[str, torch.Tensor] = {}
    for path in files(folder):
        try:
            source.update(load_file(path))
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path}: not readable: {error}") from error
    return {name.removeprefix("model."): tensor for name, tensor in source.items()}


def _dimensions(config: dict[str, Any]) -> Dimensions:
    return Dimensions(
        mels=config["num_mel_bins"],
        width=config["d_model"],
        heads=config["encoder_attention_heads"],
        encoder_layers=config["encoder_layers"],
        decoder_layers=config["decoder_layers"],
        encoder_positions=config["max_source_positions"],
        decoder_positions=config["max_target_positions"],
        vocabulary=config["vocab_size"],
    )


def _tensors(source: dict[str, torch.Tensor], dimensions: Dimensions) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {
        "decoder.embedding.weight": source["decoder.embed_tokens.weight"],
    }
    for name in ("encoder.conv1", "encoder.conv2"):
        _copy(source, tensors, name, name)
    for side, layers in (("encoder", dimensions.encoder_layers), ("decoder", dimensions.decoder_layers)):
        tensors[f"{side}.positions"] = source[f"{side}.embed_positions.weight"]
        _copy(source, tensors, f"{side}.layer_norm", f"{side}.norm")
        for layer in range(layers):
            _block(source, tensors, f"{side}.layers.{layer}", f"{side}.blocks.{layer}")
    return tensors


def _block(source: dict[str, torch.Tensor], tensors: dict[str, torch.Tensor], old: str, new: str) -> None:
    cross = f"{old}.encoder_attn.q_proj.weight" in source
    for names in (_NORMS, _LINEARS):
        for theirs, ours in names.items():
            if cross or not theirs.startswith("encoder_attn"):
                _copy(source, tensors, f"{old}.{theirs}", f"{new}.{ours}")
    _fuse(source, tensors, f"{old}.self_attn", "qkv", f"{new}.attention.qkv")
    if cross:
        _fuse(source, tensors, f"{old}.encoder_attn", "kv", f"{new}.cross.key_value")


def _copy(source: dict[str, torch.Tensor], tensors: dict[str, torch.Tensor], old: str, new: str) -> None:
    for field in ("weight", "bias"):
        tensors[f"{new}.{field}"] = source[f"{old}.{field}"]


def _fuse(source: dict[str, torch.Tensor], tensors: dict[str, torch.Tensor], old: str, parts: str, new: str) -> None:
    weights = [source[f"{old}.{part}_proj.weight"] for part in parts]
    # Whisper's key projections have no bias: a constant added to all keys leaves the softmax unchanged.
    biases = [
        source.get(f"{old}.{part}_proj.bias", torch.zeros_like(weight[:, 0]))
        for part, weight in zip(parts, weights, strict=True)
    ]
    tensors[f"{new}.weight"] = fuse_rows(weights)
    tensors[f"{new}.bias"] = fuse_rows(biases)


def _json(path: Path, *, required: bool) -> dict[str, Any]:
    if not required and not path.is_file():
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not readable: {error}") from error
    return content
