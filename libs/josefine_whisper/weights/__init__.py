"""Reading of checkpoints: CTranslate2's binary format and Hugging Face's safetensors, into one state."""

from pathlib import Path

from josefine_whisper.errors import CheckpointError
from josefine_whisper.weights import ct2, safetensors
from josefine_whisper.weights.checkpoint import Checkpoint, Dimensions

__all__ = ["Checkpoint", "Dimensions", "read"]


def read(folder: Path) -> Checkpoint:
    """Returns the checkpoint in `folder`, whichever format it has.

    Raises:
        CheckpointError: Neither model.bin nor model.safetensors is there, or it cannot be read.
    """
    if (folder / "model.bin").is_file():
        return ct2.read(folder)
    if safetensors.files(folder):
        return safetensors.read(folder)
    raise CheckpointError(
        f"{folder}: no Whisper checkpoint (looked for model.bin of CTranslate2 and model.safetensors)"
    )
