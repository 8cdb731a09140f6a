"""Which models a session may ask for, and whether they are there."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from josefine_wire.records import Error, SessionConfig


@dataclass(frozen=True, slots=True)
class Models:
    """The default model and the others that the server offers."""

    default: str
    others: tuple[str, ...] = ()
    missing: Callable[[str], str | None] = lambda _name: None
    """Returns why a model's weights are not there, or None."""

    def refusal(self, config: SessionConfig) -> Error | None:
        """Returns why a session cannot be served, or None."""
        name = config["model"] or self.default
        offered = (self.default, *self.others)
        if name not in offered:
            message = f"model: {name!r} is not offered; there is {', '.join(offered)}. {self._how_to_offer(name)}"
            return Error(code="unknown_model", message=message)
        if name != self.default and (reason := self.missing(name)):
            return Error(code="unknown_model", message=f"model: {name!r} is not installed: {reason}")
        if name.endswith(".en") and language_of(config) != "en":
            message = f"language: {config['language']!r} is not spoken by {name}, a model for English"
            return Error(code="unsupported_language", message=message)
        return None

    def _how_to_offer(self, name: str) -> str:
        models = json.dumps([*self.others, name])
        return f"To have it, start the inference service with JOSEFINE_MODEL={name} or JOSEFINE_MODELS='{models}'"


def language_of(config: SessionConfig) -> str:
    """Returns the primary language of the session's BCP-47 tag, as Whisper names it."""
    return (config["language"] or "en").split("-")[0].lower()
