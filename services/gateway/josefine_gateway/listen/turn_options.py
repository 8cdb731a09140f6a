"""What a query may ask of WS /v2/listen."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import Field, ValidationError

from josefine_gateway.listen.audio_format import AudioFormat, Sampled
from josefine_gateway.listen.option_error import OptionError, option_error
from josefine_gateway.listen.query import Spoken, Tagged, Texts
from josefine_gateway.listen.refused import OFF
from josefine_gateway.listen.served import Served
from josefine_gateway.shape.turns import Thresholds
from josefine_gateway.shape.wording import Wording
from josefine_wire.records import SessionConfig, session_config

_USUAL_ENDPOINT_MS: Final = 500
_USUAL_THRESHOLD: Final = 0.7
_CONFIGURABLE: Final = frozenset({"eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "numerals"})


class TurnOptions(Sampled, Spoken, Tagged):
    """WS /v2/listen. One channel, punctuated text."""

    encoding: Literal["linear16", "linear32", "mulaw", "alaw", "opus", "ogg-opus"] | None = Field(
        default=None, description="As in /v1/listen; nothing: a container, recognised by its bytes."
    )
    eot_threshold: float = Field(
        default=_USUAL_THRESHOLD, ge=0.5, le=1.0, description="Certainty that ends a turn; more waits for more silence."
    )
    eager_eot_threshold: float | None = Field(
        default=None, ge=0.3, le=0.9, description="Certainty that gives an EagerEndOfTurn; without, there are none."
    )
    eot_timeout_ms: int = Field(
        default=5_000, ge=500, le=60_000, description="Milliseconds of silence that end a turn in any case."
    )
    numerals: bool = Field(default=False, description="Spoken numbers as digits.")
    profanity_filter: bool = Field(default=False, description="Inner letters of profane words as asterisks.")
    redact: Texts = Field(
        default=[], description="Only false: a turn is told while it is spoken, which is not redacted."
    )

    def checked(self, served: Served) -> Self:
        self.session_config(served)
        _ = self.audio
        if any(value.lower() not in OFF for value in self.redact):
            raise OptionError("redact", "is not in /v2/listen: turns are told while they are spoken; use /v1/listen")
        self.check_thresholds()
        return self

    def check_thresholds(self) -> None:
        """Raises OptionError where an eager end would need more than an end."""
        if self.eager_eot_threshold is not None and self.eager_eot_threshold > self.eot_threshold:
            raise OptionError("eager_eot_threshold", f"is {self.eager_eot_threshold:g}, above eot_threshold")

    def session_config(self, served: Served) -> SessionConfig:
        """Returns what is asked of the pipeline; OptionError for a model or language that is not there."""
        return session_config(
            model=self.pipeline_model(served),
            language=self.language or "en",
            interim_results=True,
            endpointing_ms=self.endpointing_ms,
            metadata=self.keyterms,
        )

    resume_token: ClassVar[None] = None
    callback: ClassVar[None] = None
    wants_resume: ClassVar[bool] = False
    resumable: ClassVar[bool] = False
    needs_understanding: ClassVar[bool] = False

    @property
    def extras(self) -> dict[str, str]:
        """What is repeated in the metadata: there is none."""
        return {}

    @property
    def audio(self) -> AudioFormat:
        """How the bytes are described to the pipeline; OptionError where raw samples have no rate."""
        return self.audio_of(1)

    @property
    def endpointing_ms(self) -> int:
        """Silence that ends a turn; 0: the server's default.

        The pipeline's certainty is silence: a threshold above or below the usual one waits longer or shorter in
        proportion, at most eot_timeout_ms.
        """
        if self.eot_threshold == _USUAL_THRESHOLD:
            return 0
        return min(round(_USUAL_ENDPOINT_MS * self.eot_threshold / _USUAL_THRESHOLD), self.eot_timeout_ms)

    @property
    def thresholds(self) -> Thresholds:
        """When a turn is over."""
        return Thresholds(self.eot_threshold, self.eot_timeout_ms, self.eager_eot_threshold)

    @property
    def wording(self) -> Wording:
        """The edits."""
        return Wording(punctuated=True, numerals=self.numerals, profanity_filter=self.profanity_filter)


def configured(options: TurnOptions, changes: Mapping[str, Any]) -> TurnOptions:
    """Returns the options after a Configure message with these `thresholds` and `numerals`.

    The silence that the pipeline waits for was settled by the first query; what is told follows the new values.

    Raises:
        OptionError: a name or a value that is not known, or eager_eot_threshold above eot_threshold.
    """
    if unknown := sorted(set(changes) - _CONFIGURABLE):
        raise OptionError(str(unknown[0]), f"cannot be configured; there is {', '.join(sorted(_CONFIGURABLE))}")
    try:
        changed = TurnOptions.model_validate({**options.model_dump(), **changes})
    except ValidationError as error:
        raise option_error(error) from error
    changed.check_thresholds()
    return changed
