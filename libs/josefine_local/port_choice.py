"""Which ports a stack listens at: those that were asked for, free ones for the rest."""

from dataclasses import dataclass

from josefine_local.errors import ConfigurationError
from josefine_local.options import StackOptions
from josefine_local.ports import free_ports, require_free


@dataclass(frozen=True, slots=True)
class ChosenPorts:
    """Ports of everything that the stack starts."""

    kafka: int
    controller: int
    redis: int
    metrics: tuple[int, ...]
    """One for each service, in their order."""


def choose_ports(options: StackOptions) -> ChosenPorts:
    """Returns the ports of a stack after checking that they are free.

    Raises:
        PortInUseError: one is taken; the message names it and the option that changes it.
        ConfigurationError: one was asked for twice.
    """
    ports = options.ports
    metrics = tuple(ports.metrics + index if ports.metrics else 0 for index in range(len(options.services)))
    _check(options, metrics)
    free = iter(free_ports(3 + len(metrics)))
    return ChosenPorts(
        kafka=ports.kafka or next(free),
        controller=ports.controller or next(free),
        redis=ports.redis or next(free),
        metrics=tuple(port or next(free) for port in metrics),
    )


def _check(options: StackOptions, metrics: tuple[int, ...]) -> None:
    """Checks what will listen; a broker or store that is only used is not checked."""
    wanted: dict[str, tuple[int, str]] = {}
    if not options.bootstrap_servers:
        wanted["the broker"] = (options.ports.kafka, "--kafka-port")
        wanted["the broker's controller"] = (options.ports.controller, "--controller-port")
    if not options.redis_url:
        wanted["the store"] = (options.ports.redis, "--redis-port")
    for service, port in zip(options.services, metrics, strict=True):
        wanted[f"the metrics of {service.role}"] = (port, "--metrics-port")
    seen: dict[int, str] = {}
    for name, (port, option) in wanted.items():
        if port and port in seen:
            raise ConfigurationError(f"port {port} is asked for twice, for {seen[port]} and {name}: change {option}")
        seen[port] = name
        require_free(name, port, option)
