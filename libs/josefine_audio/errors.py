"""Errors of one session's audio. None is worth a retry: the same bytes fail the same way."""

from typing import ClassVar


class AudioError(ValueError):
    """A session's audio cannot be decoded (any further). The message is one line for the session's producer."""

    code: ClassVar[str] = "decode_error"


class UnsupportedAudioError(AudioError):
    """The bytes are no audio that is known here: not a container, no audio stream, a codec that is missing."""

    code = "unsupported_audio"


class BrokenAudioError(AudioError):
    """The bytes began as audio and cannot be read on; what came before stands."""

    code = "decode_error"


class DecoderFaultError(BrokenAudioError):
    """The decoder failed as it should not, whatever the bytes: they may be at fault, or this installation."""


class EmptyAudioError(AudioError):
    """The bytes ended and held no sample."""

    code = "empty_audio"


class AudioTooLargeError(AudioError):
    """A container that must be whole before it can be decoded passes the limit on what is kept."""

    code = "audio_too_large"
