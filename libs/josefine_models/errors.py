"""What can go wrong with models. Every message is one line for the user and names the mend."""


class ModelError(Exception):
    """Base of this library's errors."""


class UnknownModelError(ModelError):
    """No model, folder or hub name of that kind. The caller's fault; the message lists what is known."""


class ModelMissing(ModelError):  # noqa: N818 - a state of the store that callers ask for, not a failure
    """The model is known and not on this machine: fetch it."""


class FetchError(ModelError):
    """The download failed: no network, no such package, no space. A later try may succeed."""


class CorruptModelError(ModelError):
    """A file is not what the lock file says. Fetching again replaces it."""
