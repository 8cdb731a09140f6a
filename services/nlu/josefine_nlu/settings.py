"""Settings of nlu."""

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from josefine_nlu.kinds import KINDS
from josefine_stage.settings import StageSettings
from josefine_wire.pii_kinds import DEFAULT_KINDS


class NluSettings(StageSettings):
    """Environment of nlu; the prefix is JOSEFINE_."""

    nlu_model: str = Field(default="spacy-en-md", min_length=1)
    """spaCy pipeline by its name in the model store, or the path of a folder."""
    pii_kinds: Annotated[tuple[str, ...], NoDecode] = DEFAULT_KINDS
    """What is redacted: Presidio entity types, separated by commas. Empty: nothing."""
    pii_score: float = Field(default=0.4, ge=0.0, le=1.0)
    """Least certainty at which something is redacted. Lower hides more."""
    phone_regions: Annotated[tuple[str, ...], NoDecode] = ("US", "GB")
    """Countries (ISO 3166-1 alpha-2, separated by commas) whose written phone numbers are known."""
    max_text_chars: int = Field(default=5_000, ge=100, le=100_000)
    """A longer text is dead-lettered. Half a minute of fast speech has about 700 characters."""
    batch_texts: int = Field(default=32, ge=1, le=1_000)
    """Most texts in one pass of the pipeline; the stage looks at Kafka between two passes."""
    pending_records: int = Field(default=2_000, ge=1)
    """Records in memory at which reading is paused."""

    @field_validator("pii_kinds", "phone_regions", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().upper() for part in value.split(",") if part.strip())
        return value

    @field_validator("pii_kinds")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - set(KINDS)):
            raise ValueError(f"unknown kinds {', '.join(unknown)}; known: {', '.join(KINDS)}")
        return value
