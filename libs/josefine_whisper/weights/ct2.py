"""CTranslate2's binary model format, version 6, for its WhisperSpec.

Layout, little-endian: u32 format version, string spec, u32 spec revision, u32 number of variables, each a string
name, u8 rank, u32 per dimension, u8 type, u32 bytes, payload; then u32 number of aliases, each two strings. A string
is a u16 length that counts its closing NUL. (OpenNMT/CTranslate2, python/ctranslate2/specs/model_spec.py.)
"""

import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from josefine_whisper.errors import CheckpointError
from josefine_whisper.weights.checkpoint import Checkpoint, Dimensions, every_later_head

FORMAT_VERSION: Final = 6
SPEC: Final = "WhisperSpec"
_BFLOAT16: Final = 5
_NUMPY_TYPES: Final = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16, _BFLOAT16: np.int16}
"""CTranslate2's DataType; numpy has no bfloat16, so its bits are read and seen anew by torch."""

_BLOCK: Final = {
    "self_attention/layer_norm": "attention_norm",
    "self_attention/linear_0": "attention.qkv",
    "self_attention/linear_1": "attention.out",
    "attention/layer_norm": "cross_norm",
    "attention/linear_0": "cross.query",
    "attention/linear_1": "cross.key_value",
    "attention/linear_2": "cross.out",
    "ffn/layer_norm": "mlp_norm",
    "ffn/linear_0": "mlp.expand",
    "ffn/linear_1": "mlp.contract",
}
_SIDE: Final = {
    "conv1": "conv1",
    "conv2": "conv2",
    "layer_norm": "norm",
    "embeddings": "embedding",
    "position_encodings": "",
}
_FIELD: Final = {
    "weight": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "encodings": "positions",
}


def read(folder: Path) -> Checkpoint:
    """Returns the checkpoint of a CTranslate2 folder (model.bin, config.json). The weights are mapped, not copied.

    Raises:
        CheckpointError: Not version 6, not a Whisper model, or cut short.
    """
    variables = _variables(folder / "model.bin")
    tensors = _tensors(variables)
    dimensions = _dimensions(variables, tensors)
    config = _config(folder / "config.json")
    heads = tuple((int(layer), int(head)) for layer, head in config.get("alignment_heads") or ())
    return Checkpoint(
        dimensions=dimensions,
        tensors=tensors,
        suppressed=tuple(config.get("suppress_ids") or ()),
        suppressed_first=tuple(config.get("suppress_ids_begin") or ()),
        alignment_heads=heads or every_later_head(dimensions.decoder_layers, dimensions.heads),
    )


class _Cursor:
    """Reads the format's primitive values from a mapped file."""

    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._content = content
        self._at = 0

    def take(self, size: int) -> NDArray[np.uint8]:
        taken = self._content[self._at : self._at + size]
        if len(taken) < size:
            raise CheckpointError("cut short")
        self._at += size
        return taken

    def number(self, code: str) -> int:
        size = struct.calcsize("<" + code)
        return int(struct.unpack("<" + code, self.take(size).tobytes())[0])

    def string(self) -> str:
        return self.take(self.number("H")).tobytes().rstrip(b"\0").decode()


def _variables(path: Path) -> dict[str, torch.Tensor]:
    try:
        # Copy-on-write: torch wants writable memory, the file is never touched.
        cursor = _Cursor(np.memmap(path, dtype=np.uint8, mode="c"))
        version, spec = cursor.number("I"), cursor.string()
        _check_format(version, spec)
        _revision = cursor.number("I")
        return dict(_variable(cursor) for _ in range(cursor.number("I")))
    except (CheckpointError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: not a readable CTranslate2 model: {error}") from error


def _check_format(version: int, spec: str) -> None:
    if version != FORMAT_VERSION or spec != SPEC:
        raise CheckpointError(f"format {version} of {spec or 'nothing'}, want {FORMAT_VERSION} of {SPEC}")


def _variable(cursor: _Cursor) -> tuple[str, torch.Tensor]:
    name = cursor.string()
    shape = [cursor.number("I") for _ in range(cursor.number("B"))]
    kind = cursor.number("B")
    payload = cursor.take(cursor.number("I"))
    # Payloads are not aligned in the file; torch needs them to be, so odd ones are copied.
    element = np.dtype(_NUMPY_TYPES[kind])
    aligned = payload if payload.ctypes.data % element.itemsize == 0 else payload.copy()
    tensor = torch.from_numpy(aligned.view(element).reshape(shape))
    return name, tensor.view(torch.bfloat16) if kind == _BFLOAT16 else tensor


def _tensors(variables: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    tensors = {}
    for name, tensor in variables.items():
        target = _target(name)
        if target is None:
            continue
        scale = variables.get(f"{name}_scale")
        tensors[target] = tensor if scale is None else _dequantised(tensor, scale)
    return tensors


def _dequantised(weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Returns float32 weights of an int8 file; its scale is 127 over the row's greatest magnitude."""
    return weight.float() / scale.float().reshape(-1, *[1] * (weight.dim() - 1))


def _target(name: str) -> str | None:
    """Returns the parameter's name in our model, or None for what is not a parameter."""
    side, _, rest = name.partition("/")
    module, _, leaf = rest.rpartition("/")
    field = _FIELD.get(leaf)
    if field is None:
        return None
    if module.startswith("layer_") and "/" in module:
        layer, _, inner = module.partition("/")
        return f"{side}.blocks.{int(layer.removeprefix('layer_'))}.{_BLOCK[inner]}.{field}"
    owner = _SIDE.get(module)
    if owner is None:
        return None
    return f"{side}.{owner}.{field}" if owner else f"{side}.{field}"


def _dimensions(variables: dict[str, torch.Tensor], tensors: dict[str, torch.Tensor]) -> Dimensions:
    width, mels, _ = tensors["encoder.conv1.weight"].shape
    return Dimensions(
        mels=mels,
        width=width,
        heads=int(variables["encoder/num_heads"]),
        encoder_layers=_layers(tensors, "encoder"),
        decoder_layers=_layers(tensors, "decoder"),
        encoder_positions=tensors["encoder.positions"].shape[0],
        decoder_positions=tensors["decoder.positions"].shape[0],
        vocabulary=tensors["decoder.embedding.weight"].shape[0],
    )


def _layers(tensors: dict[str, torch.Tensor], side: str) -> int:
    return len({name.split(".")[2] for name in tensors if name.startswith(f"{side}.blocks.")})


def _config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not readable: {error}") from error
    return config
