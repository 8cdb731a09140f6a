"""The models that the standard services look for when they start: fetched before that, where a person sees it."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import josefine_models
from josefine_local.errors import ConfigurationError, ModelError

NAMED_BY: Final = {
    "feature": ("JOSEFINE_VAD_MODEL", "silero-vad"),
    "inference": ("JOSEFINE_MODEL", "tiny.en"),
    "nlu": ("JOSEFINE_NLU_MODEL", "spacy-en-md"),
}
"""By role: the variable that names its model, and the model where it names none."""
DEFAULT_MODELS: Final = tuple(default for _, default in NAMED_BY.values())
"""What the stack runs with when nothing else is asked for."""


def models_of(role: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the models that a standard service needs, with `environment` on top of that of this process."""
    if role not in NAMED_BY:
        return ()
    variable, default = NAMED_BY[role]
    variables = {**os.environ, **environment}
    more = _names(variables.get("JOSEFINE_MODELS", "")) if role == "inference" else ()
    return (variables.get(variable) or default, *more)


def fetch_models(names: Iterable[str], progress: Callable[[str], None]) -> None:
    """Returns when all models are on this machine; those that are there cost no network.

    Raises:
        ConfigurationError: nobody knows a model of such a name.
        ModelError: one cannot be had.
    """
    for name in dict.fromkeys(names):
        try:
            _require(name, progress)
        except josefine_models.UnknownModelError as error:
            raise ConfigurationError(str(error)) from error
        except josefine_models.ModelError as error:
            raise ModelError(str(error)) from error


def _require(name: str, progress: Callable[[str], None]) -> None:
    try:
        josefine_models.locate(name)
    except josefine_models.ModelMissing:
        josefine_models.fetch(name, progress)


def _names(text: str) -> tuple[str, ...]:
    """Returns the names in a JSON list; none of a text that is no list: the service refuses it with a clear line."""
    try:
        names = json.loads(text or "[]")
    except ValueError:
        return ()
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
