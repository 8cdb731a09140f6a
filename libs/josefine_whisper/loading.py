"""From a checkpoint to a model on a device."""

from typing import Final, Literal

import torch

from josefine_whisper import quantize
from josefine_whisper.errors import UnsupportedError
from josefine_whisper.model import Whisper
from josefine_whisper.weights import Checkpoint

Dtype = Literal["auto", "float32", "bfloat16", "float16", "int8"]
_FLOATS: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_model(checkpoint: Checkpoint, device: str, dtype: Dtype) -> Whisper:
    """Returns the model, ready for inference.

    Raises:
        UnsupportedError: No such device, or the type does not work on it.
    """
    place = _device(device)
    chosen = _auto(place) if dtype == "auto" else dtype
    model = Whisper.from_checkpoint(checkpoint)
    if chosen == "int8":
        if place.type != "cpu":
            raise UnsupportedError(f"int8 is for the CPU; use float16 or bfloat16 on {device}")
        return quantize.to_int8(model)
    return model.to(device=place, dtype=_FLOATS[chosen])


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UnsupportedError(f"{name!r} is no torch device") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UnsupportedError(f"{name}: this machine's torch sees no CUDA device; use cpu")
    return device


def _auto(device: torch.device) -> Dtype:
    if device.type == "cuda":
        return "float16"
    return "int8" if quantize.supported() else "float32"
