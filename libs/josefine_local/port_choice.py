"""Which ports a stack listens at: those that were asked for, free ones for the rest."""

from dataclasses import dataclass

from josefine_local.errors import ConfigurationError
from josefine_local.options import GATEWAY_ROLE, StackOptions
from josefine_local.ports import free_ports, require_free


@dataclass(frozen=True, slots=True)
class ChosenPorts:
    """Ports of everything that the stack starts."""

    kafka: tuple[int, ...]
    """One for each node, and so for the controllers."""
    controllers: tuple[int, ...]
    redis: int
    metrics: tuple[int, ...]
    """One for each service, in their order."""
    http: int
    """The gateway's; chosen whether there is one or not."""


def choose_ports(options: StackOptions) -> ChosenPorts:
    """Returns the ports of a stack after checking that they are free.

    Raises:
        PortInUseError: one is taken; the message names it and the option that changes it.
        ConfigurationError: one was asked for twice.
    """
    ports = options.ports
    asked = ChosenPorts(
        kafka=_row(ports.kafka, options.brokers),
        controllers=_row(ports.controller, options.brokers),
        redis=ports.redis,
        metrics=_row(ports.metrics, len(options.services)),
        http=ports.http,
    )
    _check(options, asked)
    free = iter(free_ports(2 * options.brokers + 2 + len(asked.metrics)))
    return ChosenPorts(
        kafka=tuple(port or next(free) for port in asked.kafka),
        controllers=tuple(port or next(free) for port in asked.controllers),
        redis=asked.redis or next(free),
        metrics=tuple(port or next(free) for port in asked.metrics),
        http=asked.http or next(free),
    )


def _row(first: int, count: int) -> tuple[int, ...]:
    """Returns `count` ports that follow each other, or zeros."""
    return tuple(first + index if first else 0 for index in range(count))


def _check(options: StackOptions, asked: ChosenPorts) -> None:
    """Checks what will listen; a broker or store that is only used is not checked."""
    wanted: dict[str, tuple[int, str]] = {}
    if not options.bootstrap_servers:
        for number, (kafka, controller) in enumerate(zip(asked.kafka, asked.controllers, strict=True), 1):
            name = "the broker" if options.brokers == 1 else f"broker {number}"
            wanted[name] = (kafka, "--kafka-port")
            wanted[f"{name}'s controller"] = (controller, "--controller-port")
    if not options.redis_url:
        wanted["the store"] = (options.ports.redis, "--redis-port")
    for service, port in zip(options.services, asked.metrics, strict=True):
        wanted[f"the metrics of {service.role}"] = (port, "--metrics-port")
    if any(service.role == GATEWAY_ROLE for service in options.services):
        wanted["the gateway"] = (asked.http, "--http-port")
    seen: dict[int, str] = {}
    for name, (port, option) in wanted.items():
        if port and port in seen:
            raise ConfigurationError(f"port {port} is asked for twice, for {seen[port]} and {name}: change {option}")
        seen[port] = name
        require_free(name, port, option)
