"""Settings of the feature service."""

from typing import Final

from pydantic import Field, field_validator

from josefine_stage.settings import StageSettings

_MIB: Final = 1024 * 1024
_MELS: Final = (80, 128)


class FeatureSettings(StageSettings):
    """Environment of feature; the prefix is JOSEFINE_."""

    mels: int = 80
    """Mel bands: 80, or 128 for large-v3 and its turbo."""
    vad_model: str = Field(default="silero-vad", min_length=1)
    """Silero VAD by its name in the model store, or the path of a folder."""
    slice_audio_s: float = Field(default=30.0, gt=0, le=600)
    """Audio of all sessions together that is worked on between two looks at the broker, in seconds."""
    queue_limit_bytes: int = Field(default=32 * _MIB, ge=2 * _MIB)
    """Frames read and not yet worked on, in bytes; beyond it the log waits."""

    @field_validator("mels")
    @classmethod
    def _of_a_model(cls, value: int) -> int:
        if value not in _MELS:
            raise ValueError("must be 80, or 128 for large-v3")
        return value
