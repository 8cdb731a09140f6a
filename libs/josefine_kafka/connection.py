"""librdkafka properties that every client shares, and what its errors mean for a stage."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException, Message

from josefine_stage.errors import BrokerError, ConfigurationError, FencedError, StageError, UnitAbortedError

SILENCE_MS: Final = 10_000
"""A request that is not answered for so long counts as lost, and the partition's leader is looked up again.

A broker that hangs keeps its connections. By librdkafka's default of 60 s a consumer of its partitions stands
still for a minute, though another broker leads them after some seconds. What the broker makes wait for long by
design, joining a group, has a deadline of its own.
"""

LEAST_S: Final = 0.1
"""What a call gets that is repeated close to its deadline: librdkafka takes none as a time-out of its own."""
FENCED: Final = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
OF_ANOTHER_GENERATION: Final = frozenset(
    {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS}
)
"""A commit that came too late: the partitions are with others, or on their way."""
NO_LEADER: Final = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
ELECTION_S: Final = 0.2
"""Between two questions to a partition that has no leader yet: it was just created, or its leader has died."""
log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Broker:
    """How to reach the cluster."""

    bootstrap_servers: str
    extra: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0

    def properties(self, **more: Any) -> dict[str, Any]:
        """Returns librdkafka properties; the user's extra ones win."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "client.id": "josefine",
            "error_cb": _log_error,
            "log_level": 4,
            "reconnect.backoff.max.ms": 2_000,
            "allow.auto.create.topics": False,
            # Not where the deadline is shorter: a transaction may not end before a request does.
            **({"socket.timeout.ms": SILENCE_MS} if self.timeout_s * 1_000 > SILENCE_MS else {}),
            # Callbacks are the Python package's and have underscores.
            **{key if key.endswith("_cb") else key.replace("_", "."): value for key, value in more.items()},
            **self.extra,
        }


def translated(error: KafkaError, doing: str) -> StageError:
    """Returns the stage error for a broker error met while `doing` something."""
    text = f"{doing}: {error.str()} ({error.name()})"
    if error.code() in FENCED:
        return FencedError(text)
    if error.txn_requires_abort() or error.code() in OF_ANOTHER_GENERATION:
        return UnitAbortedError(text)
    if error.code() in {KafkaError._INVALID_ARG, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:
        return ConfigurationError(text)
    return BrokerError(text)


def calling(doing: str, call: Callable[[], T]) -> T:
    """Returns what a librdkafka call gives.

    Raises:
        StageError: by kind, see `translated`.
    """
    try:
        return call()
    except KafkaException as error:
        raise translated(error.args[0], doing) from error


def insisting(
    doing: str, deadline_s: float, call: Callable[[float], T], passing: Callable[[KafkaError], bool], pause_s: float = 0
) -> T:
    """Returns what a librdkafka call gives that is told the seconds left, repeated while its error is `passing`.

    Args:
        doing: what is tried, for the error.
        deadline_s: until when, by time.monotonic.
        call: gets the seconds left, at least LEAST_S.
        passing: whether the same call may succeed later.
        pause_s: between two calls, for errors that come at once.

    Raises:
        StageError: by kind, see `translated`.
    """
    while True:
        try:
            return call(max(deadline_s - time.monotonic(), LEAST_S))
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            if not passing(cause) or time.monotonic() >= deadline_s:
                raise translated(cause, doing) from error
        time.sleep(pause_s)  # nothing tells when a leader is elected or a coordinator has moved: it is asked again


def without_leader(error: KafkaError) -> bool:
    """Whether a partition may answer as soon as it has a leader that the client knows."""
    return bool(error.retriable() or error.code() in NO_LEADER)


def headers_of(message: Message) -> dict[str, bytes]:
    """Returns a message's headers; of a repeated name the last."""
    pairs: Any = message.headers()
    if not pairs:
        return {}
    return {name: value or b"" for name, value in pairs}


def _log_error(error: KafkaError) -> None:
    """Connection trouble is retried inside librdkafka; it is told, and only a fatal error ends the process."""
    log.warning("broker_trouble", error=error.name(), detail=error.str(), fatal=error.fatal())
