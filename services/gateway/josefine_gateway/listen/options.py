"""What a query may ask of each route. The OpenAPI document is made of the same models."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field

from josefine_gateway.listen.audio_format import Heard
from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.query import Answered, Edited, Spoken, Switchable, Tagged
from josefine_gateway.listen.served import Served
from josefine_gateway.shape.recorded import UTTERANCE_SPLIT_S, Layout
from josefine_gateway.shape.wording import Wording
from josefine_wire.records import SessionConfig, session_config

NEVER_MS: Final = 3_600_000
"""Endpointing that no silence reaches: a segment is cut at 20 s."""
_LONGEST_ENDPOINT_MS: Final = 20_000
_LIVE_METHODS: Final = ("POST", "PUT", "GET", "DELETE")


def _endpointing(value: Any) -> Any:
    """Reads words before numbers: true is the default, as if nothing was given; 0 is false."""
    words = {"false": False, "0": False, "true": None}
    word = value.lower() if isinstance(value, str) else value
    if word in words:
        return words[word]
    if isinstance(word, str) and not word.isdecimal():
        raise ValueError("give milliseconds, true or false")
    return value


Endpointing = Annotated[
    Literal[False] | Annotated[int, Field(ge=1, le=_LONGEST_ENDPOINT_MS)] | None, BeforeValidator(_endpointing)
]


class LiveOptions(Heard, Edited, Spoken, Answered, Tagged):
    """WS /v1/listen."""

    interim_results: bool = Field(default=False, description="Hypotheses while speech goes on.")
    endpointing: Endpointing = Field(
        default=None,
        description="Milliseconds of silence that end an utterance; true: as the server has it; false: none does.",
    )
    utterance_end_ms: int | None = Field(
        default=None,
        ge=1_000,
        le=60_000,
        description="UtteranceEnd after so long without words; needs interim_results.",
    )
    vad_events: bool = Field(default=False, description="SpeechStarted where speech begins.")
    resume: Switchable = Field(
        default=None, description="true: frames that let a cut connection go on. A token: goes on with its session."
    )
    sequence_id: Switchable = Field(
        default=None,
        pattern=r"^\d{1,18}(,\d{1,18})*$",
        description="With a resume token: last sequence_id seen; of several channels separated by commas.",
    )

    def checked(self, served: Served) -> Self:
        self.session_config(served)
        self.wording(served)
        _ = self.audio, self.extras
        self.check_callback(_LIVE_METHODS)
        if self.utterance_end_ms is not None and not self.interim_results:
            raise OptionError("utterance_end_ms", "needs interim_results=true")
        if self.interim_results and self.redaction(served):
            raise OptionError("redact", "cannot be had with interim_results=true: interims are not redacted")
        if self.callback is not None and self.wants_resume:
            raise OptionError("callback", "cannot be had with resume: who goes on has to know what was told")
        if self.sequence_id is not None and self.resume_token is None:
            raise OptionError("sequence_id", "needs resume=<token>")
        return self

    def session_config(self, served: Served) -> SessionConfig:
        """Returns what is asked of the pipeline; OptionError for a model or language that is not there."""
        return session_config(
            model=self.pipeline_model(served),
            language=self.language or "en",
            interim_results=self.interim_results,
            endpointing_ms=self.endpointing_ms,
            metadata={**self.pipeline_metadata, **self.keyterms},
        )

    @property
    def endpointing_ms(self) -> int:
        """Silence that ends an utterance; 0: the server's default. 10 ms, which is Deepgram's, cuts words apart."""
        if self.endpointing is False:
            return NEVER_MS
        return self.endpointing or 0

    @property
    def resumable(self) -> bool:
        """Whether another connection may go on with the session: not where a callback hears it."""
        return self.callback is None

    @property
    def wants_resume(self) -> bool:
        """Whether the frames of resuming are sent."""
        return self.resume is not None

    @property
    def resume_token(self) -> str | None:
        """The token of the session that goes on; None for a new one."""
        return None if self.resume is None or self.resume.lower() == "true" else self.resume

    @property
    def sequence_ids(self) -> tuple[int, ...]:
        """The last sequence_id that the client saw of each channel; empty: nothing."""
        return tuple(map(int, self.sequence_id.split(","))) if self.sequence_id else ()


class RecordedOptions(Heard, Edited, Spoken, Answered, Tagged):
    """POST /v1/listen."""

    paragraphs: bool = Field(default=False, description="Sentences and paragraphs; implies punctuate.")
    utterances: bool = Field(default=False, description="Stretches of speech between pauses, of all channels.")
    utt_split: float = Field(
        default=UTTERANCE_SPLIT_S, gt=0.0, le=60.0, description="Seconds of silence between two utterances."
    )
    sentiment: bool = Field(default=False, description="Polarity of each stretch of speech, and their average.")

    def checked(self, served: Served) -> Self:
        if self.encoding in {"opus", "linear32"}:
            raise OptionError("encoding", f"is {self.encoding}, which is for WS /v1/listen only; send a container")
        self.session_config(served)
        self.layout(served)
        _ = self.audio, self.extras
        self.check_callback()
        return self

    def session_config(self, served: Served) -> SessionConfig:
        """Returns what is asked of the pipeline; OptionError for a model or language that is not there."""
        return session_config(
            "RECORDED",
            model=self.pipeline_model(served),
            language=self.language or "en",
            interim_results=False,
            metadata={**self.pipeline_metadata, **self.keyterms},
        )

    def wording(self, served: Served) -> Wording:
        wording = super().wording(served)
        return replace(wording, punctuated=wording.punctuated or self.paragraphs)

    def layout(self, served: Served) -> Layout:
        """Returns what the answer holds; OptionError for an edit that cannot be done."""
        return Layout(
            wording=self.wording(served),
            paragraphs=self.paragraphs or self.smart_format,
            utterances=self.utterances,
            utt_split_s=self.utt_split,
            sentiment=self.sentiment,
        )

    @property
    def needs_understanding(self) -> bool:
        return self.sentiment or super().needs_understanding
