"""What a service gives to the stage runtime: a handler of records, with its sessions' state.

The runtime owns Kafka, Redis, offsets, duplicates of whole batches and dead letters; the handler owns what
the records mean. A handler never sees a consumer, a producer or a store, and the runtime never looks into a
session's state. All calls come from the runtime's one thread.

How a crash is survived. The runtime commits offset C of a partition only when everything that the records
before C caused is durable. After a crash the sessions are restored from snapshots that are not newer than C,
and the log is read again from the oldest of these snapshots. Records that come a second time are handed to
`accept` like any other, with `committed` set where their outputs are already durable: the state has to advance,
the outputs are dropped (and costly work for them should not be begun).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

RecordT = TypeVar("RecordT", bound=Mapping[str, Any])


class Source(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True, eq=False)
class Input(Generic[RecordT]):
    """One record as it was read from the log. Compared by identity: a replay makes a new one."""

    source: Source
    offset: int
    key: str
    """The session key: session id, or session id/channel."""
    timestamp_ms: int
    """Kafka's timestamp of the record, Unix epoch."""
    record: RecordT
    committed: bool = False
    """The outputs are durable already: advance the state, begin no costly work; outputs are dropped."""


class Output(NamedTuple):
    """One record to be written to `topic`."""

    topic: str
    key: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an input goes to the dead letters."""

    code: str
    reason: str
    """One readable line that names the field or byte offset. No audio, no text of speech."""
    expected: bool = False
    """Part of the ordinary course of things, however often it comes: it says nothing of a broken deploy, and is not
    counted among the failures that stop the stage.
    """


class Progress(NamedTuple, Generic[RecordT]):
    """What has become of one input.

    An input may report more than once (a long recording comes out in pieces) and has to report `done` once.
    Outputs of one report become durable together; with `done`, together with the input's offset.
    """

    input: Input[RecordT]
    outputs: Sequence[Output] = ()
    done: bool = True
    rejection: Rejection | None = None
    """Set with `done`: the input also goes to the dead letters, whole."""


@dataclass(frozen=True, slots=True)
class Step(Generic[RecordT]):
    """What one turn of a handler gave."""

    progress: Sequence[Progress[RecordT]] = ()
    unasked: Sequence[Output] = ()
    """Outputs that no input caused: the end of a session whose producer fell silent. Written in a unit of work, so that
    only the owner of the partition can. The handler gives them again, with the same ids, where the session is rebuilt
    from a snapshot that was taken before.
    """
    loose: Sequence[Output] = ()
    """Outputs that may repeat or be lost, in no unit of work: interim results."""
    patient: bool = False
    """Nobody waits for what is under way, so that it may be looked for less often."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session's state at a position of the log: small, versioned, rebuildable."""

    version: int
    """Offset: the session's records from it on, applied to `state`, give the session's present state."""
    state: bytes
    over: bool = False
    """The session has ended: `state` only tells late records so, and nothing has to be replayed for it. Where `state`
    is empty it has not begun.
    """

    @property
    def begun(self) -> bool:
        """Whether there is a session; else what came of it was refused, and its first record may come yet."""
        return bool(self.state) or not self.over


@dataclass(frozen=True, slots=True)
class Turn:
    """What a handler may know of the world in one turn."""

    now_s: float
    """Seconds of running time from an arbitrary zero. What this process slept through is not in it (josefine_stage.
    running_time): a session is not silent because nobody listened.
    """
    caught_up: frozenset[Source] = field(default_factory=frozenset)
    """Partitions whose end has been read: only there does silence mean that a producer is silent."""


class Handler(Protocol[RecordT]):
    """The meaning of a stage. Any exception that leaves `accept` is blamed on the inputs, one by one; one that
    leaves `advance` ends the process (and the log is replayed): turn a record's own fault into a Rejection.
    """

    def restore(self, key: str, snapshot: Snapshot | None) -> None:
        """Opens a session before its first record is accepted in this process; None: nothing is stored.

        Raises:
            SnapshotUnreadableError: it is of another version; the session is not open, and comes again without it.
        """

    def accept(self, inputs: Sequence[Input[RecordT]]) -> None:
        """Takes a batch in log order. Cheap work is done here; slow work is begun here and ends in `advance`."""

    def advance(self, turn: Turn) -> Step[Any]:
        """Returns what has become of accepted inputs since the last call, without waiting."""

    def snapshot(self, key: str) -> Snapshot | None:
        """Returns the session's newest snapshot, or None while there is nothing worth keeping.

        The version may lie behind the last accepted record when what came since is cheaper to replay.
        """

    def forget(self, keys: Iterable[str]) -> None:
        """Drops sessions and their work in flight: their partition was revoked, or they are to be replayed."""

    def full(self) -> bool:
        """Whether more inputs would pass the handler's memory limit; the partitions are paused while true."""

    def busy(self) -> bool:
        """Whether work is in flight, so that the runtime should look again soon."""

    def ready(self) -> bool:
        """Whether a real, tiny unit of work has succeeded lately."""

    def status(self) -> Mapping[str, Any]:
        """Returns what /status should show of this handler, as plain JSON values."""

    def close(self) -> None:
        """Frees what the handler owns; no call follows."""
