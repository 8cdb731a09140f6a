"""What a local stack is made of, as its user asks for it. Values only; JSON carries them to a detached process."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import TypeAdapter

from josefine_local.errors import ConfigurationError
from josefine_local.models import models_of

BrokerChoice = Literal["auto", "kafka", "tansu"]
Delivery = Literal["exactly_once", "at_least_once"]

STAGE_ROLES: Final = ("ingest", "feature", "inference", "nlu")
"""The pipeline, from topic to topic."""
GATEWAY_ROLE: Final = "gateway"
SERVICE_ROLES: Final = (*STAGE_ROLES, GATEWAY_ROLE)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of 127.0.0.1; 0: any free one."""

    kafka: int = 0
    controller: int = 0
    redis: int = 0
    metrics: int = 0
    """Of the first service; the others have the next ones."""
    http: int = 0
    """Where the gateway is found."""


UP_PORTS: Final = Ports(kafka=9092, controller=9093, redis=6379, metrics=9101, http=8080)
"""The well-known ports, 9101 to 9105 for the metrics of five services."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that works between broker and store and says at its metrics port when it is ready."""

    role: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    ready_timeout_s: float = 300.0
    """Long, because a slow machine takes its time to load a model."""
    stop_timeout_s: float = 20.0
    """A service drains: it finishes what it began and commits. A batch on a slow CPU takes up to ten seconds."""
    models: tuple[str, ...] = ()
    """Fetched before anything starts."""


def standard_services(
    environment: Mapping[str, Mapping[str, str]] | None = None, roles: Sequence[str] = STAGE_ROLES
) -> tuple[Service, ...]:
    """Returns services of this repository; `environment` adds variables by role."""
    services = []
    for role in roles:
        own = dict((environment or {}).get(role, {}))
        program = (sys.executable, "-m", f"josefine_{role}")
        services.append(Service(role, program, own, models=models_of(role, own)))
    return tuple(services)


@dataclass(frozen=True, slots=True)
class StackOptions:
    """A local stack."""

    run_dir: Path | None = None
    """Holds logs and data and is kept; None: a temporary folder, gone at the end."""
    services: tuple[Service, ...] = field(default_factory=standard_services)
    """Empty: broker and store only."""
    broker: BrokerChoice = "auto"
    """auto: Apache Kafka, and Tansu where that cannot be had."""
    ports: Ports = Ports()
    brokers: int = 1
    """Nodes of Apache Kafka: 1, or 3, which keep three copies of every record and go on without one of them."""
    disk_mib: int | None = None
    """Size of each node's disk, in memory and empty at every start, for tests of full ones; None: no limit."""
    partitions: int = 4
    """Of each topic; 0: no topics are created."""
    bootstrap_servers: str | None = None
    """Brokers to use instead of starting one."""
    redis_url: str | None = None
    """Store to use instead of starting one."""
    delivery: Delivery | None = None
    """None: exactly_once, and at_least_once on Tansu."""

    @classmethod
    def from_environment(cls, **changes: Any) -> "StackOptions":
        """Returns the options with what JOSEFINE_BROKER, KAFKA_BOOTSTRAP_SERVERS, REDIS_URL and
        JOSEFINE_DELIVERY say, and `changes` on top.

        Raises:
            ConfigurationError: a variable has a value that is none of its choices.
        """
        options = cls(
            broker=_choice("JOSEFINE_BROKER", BrokerChoice) or "auto",
            bootstrap_servers=_first("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS"),
            redis_url=_first("JOSEFINE_REDIS_URL", "REDIS_URL"),
            delivery=_choice("JOSEFINE_DELIVERY", Delivery),
        )
        return replace(options, **changes)

    def to_json(self) -> str:
        """Returns the options as one line of JSON."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "StackOptions":
        """Returns the options that `to_json` wrote."""
        return _ADAPTER.validate_json(text)


_ADAPTER: Final = TypeAdapter(StackOptions)


def _first(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def _choice(name: str, choices: Any) -> Any:
    value = _first(name)
    if value is not None and value not in get_args(choices):
        raise ConfigurationError(f"{name}: {value!r} is none of {', '.join(get_args(choices))}")
    return value
