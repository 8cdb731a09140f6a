"""What this server has: the models, languages and findings that a request may ask for."""

import re
from dataclasses import dataclass
from typing import Final

from josefine_wire.languages import WHISPER_LANGUAGES
from josefine_wire.pii_kinds import DEFAULT_KINDS

_HOSTED: Final = re.compile(
    r"(?:nova(?:-[23])?|enhanced|base|flux|whisper)(?:-[a-z0-9]+)*"
    r"|general|meeting|phonecall|finance|conversationalai|voicemail|video|medical|automotive|drivethru|custom"
    r"|gpt-4o(?:-[a-z0-9]+)*|gpt-transcribe"
)
"""Models of hosted services: who changes nothing but the address gets the server's default for them."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the pipeline behind this gateway was started with."""

    model: str = "tiny.en"
    """The default."""
    others: tuple[str, ...] = ()
    languages: frozenset[str] = WHISPER_LANGUAGES
    """Primary languages of the models that are not for English only."""
    pii_kinds: frozenset[str] = frozenset(DEFAULT_KINDS)

    def model_of(self, name: str | None) -> str | None:
        """Returns the model that serves who asks for `name`; None: there is none.

        A name that is both the server's own and a hosted service's, such as base, is the server's.
        """
        if name is None or name in {self.model, "default"}:
            return self.model
        if name in self.others:
            return name
        return self.model if _HOSTED.fullmatch(name.lower()) else None

    def languages_of(self, model: str) -> frozenset[str]:
        """Returns the primary languages that a model understands."""
        return frozenset({"en"}) if model.endswith(".en") else self.languages | {"en"}
