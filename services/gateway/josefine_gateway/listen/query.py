"""What the options of all routes have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.redaction import redaction
from josefine_gateway.listen.refused import OFF
from josefine_gateway.listen.served import Served
from josefine_gateway.shape.phrases import phrase
from josefine_gateway.shape.wording import Redaction, Replacement, Wording
from josefine_wire.keyterms import MOST_BYTES, packed

Text = Annotated[str, StringConstraints(max_length=2_000)]
Texts = Annotated[list[Text], Field(max_length=100)]


def _off(value: Any) -> Any:
    """An option that is off is one that is not given."""
    return None if isinstance(value, str) and value.lower() == "false" else value


Switchable = Annotated[Text | None, BeforeValidator(_off)]


class Query(BaseModel):
    """Options of a route. Frozen; whatever is not named is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def checked(self, served: Served) -> Self:
        """Returns the options if the server can do what they ask.

        Raises:
            OptionError: it cannot, or they contradict each other.
        """


class Tagged(Query):
    """Options about the request rather than the speech."""

    tag: Texts = Field(default=[], description="Label of the request; may be repeated. Recorded answers repeat it.")
    mip_opt_out: bool = Field(default=False, description="Accepted and without effect: nothing is ever trained on.")


class Answered(Query):
    """Where the answer goes."""

    callback: Switchable = Field(
        default=None,
        description="http or https address that gets the results instead; has to be allowed by the server.",
    )
    callback_method: Literal["POST", "PUT", "GET", "DELETE"] = Field(
        default="POST", description="HTTP method of the callback; GET and DELETE for live speech only."
    )

    def check_callback(self, methods: Sequence[str] = ("POST", "PUT")) -> None:
        """Raises OptionError for an address that is none, or a method that the route has not."""
        if self.callback_method not in methods:
            raise OptionError("callback_method", f"is {self.callback_method}; there is {', '.join(methods)}")
        if self.callback is not None and not self.callback.lower().startswith(("http://", "https://")):
            raise OptionError("callback", "has to begin with http:// or https://")


class Spoken(Query):
    """Which model hears which language."""

    model: Text | None = Field(
        default=None,
        description="Acoustic model. Names of hosted models (nova-3, base, ...) give the server's default; "
        "model_info in the answer tells the real one.",
    )
    language: Text | None = Field(default=None, description="BCP-47 language of the speech, en unless given.")
    keyterm: Texts = Field(
        default=[],
        description=f"Words that are likely to be said; may be repeated, together {MOST_BYTES} bytes at most.",
    )
    version: Literal["latest"] | None = Field(default=None, description="Accepted and without effect.")

    def model_of(self, served: Served) -> str:
        """Returns the name of the model that hears it.

        Raises:
            OptionError: the server has none for this name or language.
        """
        model = served.model_of(self.model)
        if model is None:
            raise OptionError("model", f"{self.model!r} is not offered; there is {', '.join(_models(served))}")
        languages = served.languages_of(model)
        if self.primary_language not in languages:
            known = ", ".join(sorted(languages))
            raise OptionError("language", f"{self.language!r} is not understood by {model}; there is {known}")
        return model

    def pipeline_model(self, served: Served) -> str:
        """Returns the model as the pipeline is asked for it: empty for its default. Errors as in `model_of`."""
        model = self.model_of(served)
        return "" if model == served.model else model

    @property
    def keyterms(self) -> dict[str, str]:
        """What tells the pipeline of them; OptionError where it cannot be told."""
        try:
            return packed(self.keyterm)
        except ValueError as fault:
            raise OptionError("keyterm", str(fault)) from fault

    @property
    def primary_language(self) -> str:
        """The language without its country, as in en for en-US."""
        return (self.language or "en").replace("_", "-").partition("-")[0].lower()


class Edited(Query):
    """How the text is written."""

    punctuate: bool = Field(default=False, description="Punctuation and capitals; without, lower case and bare words.")
    smart_format: bool = Field(
        default=False, description="punctuate and numerals, and in recorded answers paragraphs too."
    )
    numerals: bool = Field(default=False, description="Spoken numbers as digits.")
    profanity_filter: bool = Field(default=False, description="Inner letters of profane words as asterisks.")
    replace: Texts = Field(
        default=[],
        description="find:replacement, a phrase and what is written instead; without replacement it is left out. "
        "May be repeated.",
    )
    search: Texts = Field(default=[], description="Phrase of which the times are told; may be repeated.")
    redact: Texts = Field(
        default=[],
        description="What is hidden: true or pii (everything that the server looks for), pci, numbers, "
        "aggressive_numbers, ssn, or a kind such as phone_number. May be repeated.",
    )
    detect_entities: bool = Field(default=False, description="Names, places, dates and the like, with their words.")
    extra: Texts = Field(default=[], description="key:value, repeated in the answer's metadata. May be repeated.")

    def wording(self, served: Served) -> Wording:
        """Returns the edits.

        Raises:
            OptionError: one of them cannot be done.
        """
        return Wording(
            punctuated=self.punctuate or self.smart_format,
            redaction=self.redaction(served),
            numerals=self.numerals or self.smart_format,
            profanity_filter=self.profanity_filter,
            replacements=tuple(_replacement(value) for value in self.replace),
            entities=self.detect_entities,
            searches=tuple(_search(value) for value in self.search),
        )

    def redaction(self, served: Served) -> Redaction:
        """Returns what is hidden; OptionError as in `wording`."""
        try:
            return redaction(self.redact, served.pii_kinds)
        except ValueError as fault:
            raise OptionError("redact", str(fault)) from fault

    @property
    def needs_understanding(self) -> bool:
        """Whether finals have to wait for what nlu says of them."""
        return self.detect_entities or any(value.lower() not in OFF for value in self.redact)

    @property
    def extras(self) -> dict[str, str]:
        """What is repeated in the metadata; OptionError for a value without a key."""
        return dict(_extra(value) for value in self.extra)


def _replacement(value: str) -> Replacement:
    find, _, write = value.partition(":")
    if not phrase(find):
        raise OptionError("replace", f"{value[:40]!r} has no word to find; give find:replacement")
    return Replacement(phrase(find), tuple(write.split()))


def _search(value: str) -> tuple[str, ...]:
    if not phrase(value):
        raise OptionError("search", f"{value[:40]!r} has no word")
    return phrase(value)


def _extra(value: str) -> tuple[str, str]:
    key, colon, rest = value.partition(":")
    if not key or not colon:
        raise OptionError("extra", f"{value[:40]!r} is not key:value")
    return key, rest


def _models(served: Served) -> tuple[str, ...]:
    return (served.model, *served.others)
