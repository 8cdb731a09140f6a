"""What the protocol says of the acoustic model: the real one, whatever name the client asked for."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:josefine:model")
_VERSION: Final = "1"
"""Models have no version beside their name; the protocol wants some."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its name in the transcripts."""

    name: str
    arch: str = "whisper"

    @property
    def uuid(self) -> str:
        """Made of the name: the same in every answer and on every server."""
        return str(uuid.uuid5(_NAMESPACE, self.name))

    @property
    def description(self) -> dict[str, Any]:
        """The protocol's `model_info`."""
        return {"name": self.name, "version": _VERSION, "arch": self.arch}


SENTIMENT: Final = Model("vader", arch="lexicon")
