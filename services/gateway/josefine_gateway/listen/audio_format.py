"""Options that describe the bytes."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.query import Query

LiveEncoding = Literal["linear16", "linear32", "mulaw", "alaw", "opus", "ogg-opus", "flac"]
_RAW: Final = frozenset({"linear16", "linear32", "mulaw", "alaw"})
_OPUS_CHANNELS: Final = 2


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """The bytes as audio.raw describes them."""

    encoding: str
    sample_rate_hz: int
    """0 where the bytes say it themselves."""
    channels: int
    """0 where the bytes say it themselves."""
    linear32: bool = False
    """The client's samples have 32 bits: they go through josefine_gateway.listen.linear32 first."""


class Sampled(Query):
    """What the bytes are."""

    encoding: LiveEncoding | None = Field(
        default=None,
        description="linear16, linear32 (signed integers, little endian), mulaw, alaw: raw samples, need sample_rate. "
        "opus: one raw packet a message. ogg-opus, flac or nothing: a container, recognised by its bytes.",
    )
    sample_rate: int | None = Field(default=None, ge=8_000, le=48_000, description="Hertz of raw samples.")

    def audio_of(self, channels: int) -> AudioFormat:
        """Returns how the bytes are described to the pipeline. What they say themselves, the query does not.

        Raises:
            OptionError: rate or channels do not fit the encoding.
        """
        if self.encoding in _RAW:
            return self._raw(channels)
        if self.encoding != "opus":
            return AudioFormat("container", 0, 0)
        if channels > _OPUS_CHANNELS:
            raise OptionError("channels", f"is {channels}, opus has at most {_OPUS_CHANNELS}")
        return AudioFormat("opus", 0, channels)

    def _raw(self, channels: int) -> AudioFormat:
        if self.sample_rate is None:
            raise OptionError("sample_rate", f"is missing: {self.encoding} does not say its own rate")
        linear32 = self.encoding == "linear32"
        encoding = "linear16" if linear32 else str(self.encoding)
        return AudioFormat(encoding, self.sample_rate, channels, linear32=linear32)


class Heard(Sampled):
    """Options about the samples of one or more channels."""

    channels: int = Field(default=1, ge=1, le=8, description="Interleaved channels of raw samples.")
    multichannel: bool = Field(default=False, description="A transcript for each channel; else they are mixed down.")

    @property
    def audio(self) -> AudioFormat:
        """How the bytes are described to the pipeline; OptionError as in `audio_of`."""
        return self.audio_of(self.channels)

    @property
    def pipeline_metadata(self) -> dict[str, str]:
        """What goes with every record: only what the pipeline itself reads."""
        return {"multichannel": "true"} if self.multichannel else {}
