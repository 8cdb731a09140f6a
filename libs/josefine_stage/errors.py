"""What can go wrong in a stage, by what is to be done about it."""


class StageError(Exception):
    """Base of the runtime's errors. The text is one readable line with the mend."""


class ConfigurationError(StageError):
    """The settings or the broker do not allow to start. Exit status 2; a restart does not help."""


class CrashError(StageError):
    """The process cannot go on. Nothing is committed: a restart replays the log. Exit status 1."""


class FencedError(CrashError):
    """The broker takes nothing more from this process, as when another one has its name. Leave without writing."""


class ExhaustedError(CrashError):
    """The handler cannot work any more on this machine. Leave the group, so that others take over at once."""


class BrokerError(CrashError):
    """A broker call failed past its deadline."""


class UnitAbortedError(StageError):
    """The unit of work was rolled back: nothing of it is visible. Replay from the committed offsets."""


class StoreError(StageError):
    """The snapshot store did not answer within its deadline."""


class StoreFencedError(StoreError):
    """A process of a later epoch has the state: this one was replaced, unless the epochs began anew (epoch.py)."""


class SnapshotUnreadableError(StageError):
    """A stored state of another version of the stage. The session is read again from its beginning."""


class TooManyDeadLettersError(CrashError):
    """More records fail than single bad ones would explain. Look at dead.letters before starting again."""
