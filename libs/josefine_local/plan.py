"""From options to processes: which broker, which ports, which environment. Fetches jars and models; starts nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from josefine_local.brokers import Progress, choose_brokers, require_answer, require_sense
from josefine_local.errors import ConfigurationError
from josefine_local.kafka import KafkaNode
from josefine_local.models import fetch_models
from josefine_local.options import GATEWAY_ROLE, Delivery, Service, StackOptions
from josefine_local.paths import RunDir
from josefine_local.port_choice import ChosenPorts, choose_ports
from josefine_local.ports import HOST
from josefine_local.probes import http_ready
from josefine_local.process import ProcessSpec
from josefine_local.supervisor import Phase
from josefine_local.valkey import find_valkey, valkey_process

BAD_CONFIGURATION: Final = frozenset({2})
"""What a service ends with when its environment makes no sense: a restart would find the same."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the stack is reached and what it promises."""

    bootstrap_servers: str
    redis_url: str
    delivery: Delivery
    broker: str
    """kafka, tansu, or external."""
    http_url: str = ""
    """The gateway; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the supervisor will run."""

    endpoints: Endpoints
    phases: tuple[Phase, ...]
    nodes: tuple[KafkaNode, ...] = ()
    """Of Apache Kafka."""


def make_plan(options: StackOptions, run_dir: RunDir, progress: Progress) -> Plan:
    """Returns the processes of a stack. Topics of a broker that is not ours are created here.

    Raises:
        PortInUseError: a port is taken.
        MissingError, FetchError, ModelError: a program or a model cannot be had.
        ConfigurationError: the options contradict each other, or a broker or store that was named does not answer.
    """
    require_sense(options)
    ports = choose_ports(options)
    fetch_models((name for service in options.services for name in service.models), progress)
    brokers = choose_brokers(options, ports, run_dir, progress)
    store = _store(options, ports, run_dir)
    endpoints = Endpoints(
        bootstrap_servers=brokers.bootstrap_servers,
        redis_url=options.redis_url or f"redis://{HOST}:{ports.redis}/0",
        delivery=options.delivery or ("at_least_once" if brokers.name == "tansu" else "exactly_once"),
        broker=brokers.name,
        http_url=f"http://{HOST}:{ports.http}" if GATEWAY_ROLE in {each.role for each in options.services} else "",
    )
    servers = (*brokers.processes, *((store,) if store is not None else ()))
    pages = {each.role: port for each, port in zip(options.services, ports.metrics, strict=True)}
    services = tuple(
        service_process(_placed(service, ports.http, pages), endpoints, pages[service.role])
        for service in options.services
    )
    return Plan(endpoints, (Phase(servers, brokers.after_ready), Phase(services)), brokers.nodes)


def service_process(service: Service, endpoints: Endpoints, metrics_port: int) -> ProcessSpec:
    """Returns how the supervisor runs a service. Pure."""
    environment = {
        "JOSEFINE_KAFKA_BOOTSTRAP_SERVERS": endpoints.bootstrap_servers,
        "KAFKA_BOOTSTRAP_SERVERS": endpoints.bootstrap_servers,
        "JOSEFINE_REDIS_URL": endpoints.redis_url,
        "REDIS_URL": endpoints.redis_url,
        "JOSEFINE_DELIVERY": endpoints.delivery,
        # Tansu knows no static members; with them it would give nobody a partition.
        "JOSEFINE_STATIC_MEMBERSHIP": "false" if endpoints.broker == "tansu" else "true",
        "JOSEFINE_SESSION_TIMEOUT_MS": "6000",
        "JOSEFINE_INSTANCE_ID": f"{service.role}-0",
        "JOSEFINE_METRICS_HOST": HOST,
        "JOSEFINE_METRICS_PORT": str(metrics_port),
        # Logs are files: what a crash leaves behind has to be in them.
        "PYTHONUNBUFFERED": "1",
        **service.environment,
    }
    return ProcessSpec(
        role=service.role,
        kind="service",
        argv=service.argv,
        environment=environment,
        port=metrics_port,
        ready=partial(http_ready, metrics_port),
        ready_timeout_s=service.ready_timeout_s,
        stop_timeout_s=service.stop_timeout_s,
        fatal_statuses=BAD_CONFIGURATION,
    )


def _placed(service: Service, http_port: int, pages: Mapping[str, int]) -> Service:
    """Returns the gateway with its port and where its console finds the stages; the others as they are."""
    if service.role != GATEWAY_ROLE:
        return service
    stages = {role: f"http://{HOST}:{port}" for role, port in pages.items() if role != GATEWAY_ROLE}
    place = {"JOSEFINE_HTTP_HOST": HOST, "JOSEFINE_HTTP_PORT": str(http_port), "JOSEFINE_STAGES": json.dumps(stages)}
    return replace(service, environment={**place, **service.environment})


def _require_store(url: str) -> None:
    # Imported here: only stacks that use a store of others need to read its URL.
    from josefine_state.connection import hosts  # noqa: PLC0415

    try:
        addresses = [f"{host}:{port}" for host, port in hosts(url)]
    except ValueError as error:
        raise ConfigurationError(f"REDIS_URL: {error}") from error
    if addresses:
        require_answer("REDIS_URL", addresses)


def _store(options: StackOptions, ports: ChosenPorts, run_dir: RunDir) -> ProcessSpec | None:
    if options.redis_url:
        _require_store(options.redis_url)
        return None
    return valkey_process(ports.redis, find_valkey(), run_dir.redis, persistent=options.run_dir is not None)
