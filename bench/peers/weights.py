"""Josefine's own weights of tiny.en in the forms that its peers read: the same numbers, other files.

CTranslate2 wants a vocabulary beside them, which the tokenizer holds; OpenAI's package and what is built on it want a
checkpoint of torch under OpenAI's names (openai/whisper, model.py), with Q, K and V apart.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch

from josefine_models.store import fetch
from josefine_whisper import weights
from josefine_whisper.weights.checkpoint import Checkpoint

MODEL: Final = "tiny.en"
TIMESTAMPS: Final = 1501
"""0.00 to 30.00 s in steps of 0.02 s."""
_BLOCK: Final = {
    "attention_norm": "attn_ln",
    "attention.out": "attn.out",
    "cross_norm": "cross_attn_ln",
    "cross.query": "cross_attn.query",
    "cross.out": "cross_attn.out",
    "mlp_norm": "mlp_ln",
    "mlp.expand": "mlp.0",
    "mlp.contract": "mlp.2",
}
_FUSED: Final = {
    "attention.qkv": ("attn.query", "attn.key", "attn.value"),
    "cross.key_value": ("cross_attn.key", "cross_attn.value"),
}
_SIDE: Final = {
    "encoder.norm": "encoder.ln_post",
    "decoder.norm": "decoder.ln",
    "decoder.embedding": "decoder.token_embedding",
    "encoder.conv1": "encoder.conv1",
    "encoder.conv2": "encoder.conv2",
}


def ctranslate2_folder(cache: Path) -> Path:
    """Returns a folder with the weights as faster-whisper reads them: the model's own files and a vocabulary."""
    source, folder = fetch(MODEL), cache / "weights" / MODEL
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            shutil.copy2(source / name, folder / name)
    tokens = vocabulary(json.loads((source / "tokenizer.json").read_text(encoding="utf-8")))
    (folder / "vocabulary.json").write_text(json.dumps(tokens), encoding="utf-8")
    return folder


def vocabulary(tokenizer: dict[str, object]) -> list[str]:
    """Returns the tokens in the order of their numbers; timestamps, which the tokenizer leaves out, come last."""
    by_number = {number: token for token, number in tokenizer["model"]["vocab"].items()}  # type: ignore[index]
    by_number |= {added["id"]: added["content"] for added in tokenizer["added_tokens"]}  # type: ignore[attr-defined]
    known = [by_number[number] for number in range(len(by_number))]
    return [*known, *(f"<|{0.02 * step:.2f}|>" for step in range(TIMESTAMPS))]


def openai_checkpoint(cache: Path) -> Path:
    """Returns a file with the weights as openai-whisper reads them, made where it is missing."""
    path = cache / "weights" / f"{MODEL}.pt"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = weights.read(fetch(MODEL))
        partial = path.with_suffix(".partial")
        torch.save({"dims": _dimensions(checkpoint), "model_state_dict": dict(_renamed(checkpoint))}, partial)
        partial.rename(path)
    return path


def _dimensions(checkpoint: Checkpoint) -> dict[str, int]:
    sizes = checkpoint.dimensions
    return {
        "n_mels": sizes.mels,
        "n_audio_ctx": sizes.encoder_positions,
        "n_audio_state": sizes.width,
        "n_audio_head": sizes.heads,
        "n_audio_layer": sizes.encoder_layers,
        "n_vocab": sizes.vocabulary,
        "n_text_ctx": sizes.decoder_positions,
        "n_text_state": sizes.width,
        "n_text_head": sizes.heads,
        "n_text_layer": sizes.decoder_layers,
    }


def _renamed(checkpoint: Checkpoint) -> Iterator[tuple[str, torch.Tensor]]:
    for name, tensor in checkpoint.tensors.items():
        owner, _, leaf = name.rpartition(".")
        if leaf == "positions":
            yield f"{owner}.positional_embedding", tensor.clone()
        elif owner in _SIDE:
            yield f"{_SIDE[owner]}.{leaf}", tensor.clone()
        else:
            yield from _of_block(owner, leaf, tensor)


def _of_block(owner: str, leaf: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    side, blocks, layer, inner = owner.split(".", 3)
    prefix = f"{side}.{blocks}.{layer}"
    if inner in _BLOCK:
        yield f"{prefix}.{_BLOCK[inner]}.{leaf}", tensor.clone()
        return
    names = _FUSED[inner]
    for part, name in zip(tensor.chunk(len(names)), names, strict=True):
        # OpenAI's keys have no bias; in the fused layer it is nothing but zeros.
        if not (leaf == "bias" and name.endswith("key")):
            yield f"{prefix}.{name}.{leaf}", part.clone()
