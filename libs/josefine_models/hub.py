"""Whisper checkpoints of a model hub, through the library huggingface_hub where it is installed."""

import re
from pathlib import Path
from typing import Any, Final

from josefine_models.errors import FetchError, ModelMissing

_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
_WANTED: Final = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.bin",
)
"""A checkpoint in safetensors or in CTranslate2's format; not the copies for other frameworks beside it."""


def is_hub_name(name: str) -> bool:
    """Returns whether the name has the hub's form owner/model."""
    return _NAME.fullmatch(name) is not None


def cached(name: str) -> Path:
    """Returns the folder of a checkpoint that was downloaded before.

    Raises:
        ModelMissing: It was not.
    """
    hub = _library(name)
    try:
        return Path(hub.snapshot_download(name, allow_patterns=list(_WANTED), local_files_only=True))
    except (OSError, ValueError) as error:
        raise ModelMissing(f"{name} is not on this machine: run `josefine models fetch {name}`") from error


def download(name: str) -> Path:
    """Returns the folder of a checkpoint, downloaded where it is missing or has changed.

    Raises:
        FetchError: The library is missing, the hub cannot be reached or does not have the model.
    """
    hub = _library(name)
    try:
        return Path(hub.snapshot_download(name, allow_patterns=list(_WANTED)))
    # The library raises its HTTP client's errors, and which client that is changes with its version.
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise FetchError(f"{name}: not downloaded: {reason[0] if reason else type(error).__name__}") from error


def _library(name: str) -> Any:
    try:
        import huggingface_hub  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise FetchError(
            f"{name} looks like a hub name, and huggingface_hub is not installed: `pip install huggingface_hub`,"
            " or give a folder that holds the checkpoint"
        ) from error
    return huggingface_hub
