"""What can go wrong outside of recognition itself."""


class WhisperError(Exception):
    """Base of this library's errors. None is mended by a retry: the process should report it and end."""


class CheckpointError(WhisperError):
    """The folder holds no Whisper checkpoint that can be read; the message names the file and what is missing."""


class UnsupportedError(WhisperError):
    """The device or data type asked for does not exist here; the message says what does."""


class RequestError(WhisperError):
    """A request breaks the interface: wrong number of mel bands, window too long. The caller's fault."""
