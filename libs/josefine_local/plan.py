"""From options to processes: which broker, which ports, which environment. Fetches jars and models; starts nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from josefine_local.errors import ConfigurationError, FetchError, MissingError, StartError
from josefine_local.kafka import KafkaNode, Voter, find_runtime, kafka_process
from josefine_local.models import fetch_models
from josefine_local.options import Delivery, Service, StackOptions
from josefine_local.paths import RunDir
from josefine_local.port_choice import ChosenPorts, choose_ports
from josefine_local.ports import HOST
from josefine_local.probes import accepts, http_ready
from josefine_local.process import ProcessSpec
from josefine_local.supervisor import Phase
from josefine_local.tansu import CONSEQUENCE, find_tansu, tansu_process
from josefine_local.valkey import find_valkey, valkey_process

Progress = Callable[[str], None]

BAD_CONFIGURATION: Final = frozenset({2})
"""What a service ends with when its environment makes no sense: a restart would find the same."""
CONNECT_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the stack is reached and what it promises."""

    bootstrap_servers: str
    redis_url: str
    delivery: Delivery
    broker: str
    """kafka, tansu, or external."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the supervisor will run."""

    endpoints: Endpoints
    phases: tuple[Phase, ...]


def make_plan(options: StackOptions, run_dir: RunDir, progress: Progress) -> Plan:
    """Returns the processes of a stack. Topics of a broker that is not ours are created here.

    Raises:
        PortInUseError: a port is taken.
        MissingError, FetchError, ModelError: a program or a model cannot be had.
        ConfigurationError: a broker or store that was named does not answer.
    """
    ports = choose_ports(options)
    fetch_models((name for service in options.services for name in service.models), progress)
    name, broker = _broker(options, ports, run_dir, progress)
    store = _store(options, ports, run_dir)
    endpoints = Endpoints(
        bootstrap_servers=options.bootstrap_servers or f"{HOST}:{ports.kafka}",
        redis_url=options.redis_url or f"redis://{HOST}:{ports.redis}/0",
        delivery=options.delivery or ("at_least_once" if name == "tansu" else "exactly_once"),
        broker=name,
    )
    servers = tuple(spec for spec in (broker, store) if spec is not None)
    services = tuple(
        service_process(service, endpoints, port) for service, port in zip(options.services, ports.metrics, strict=True)
    )
    return Plan(endpoints, (servers, services))


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


def _broker(
    options: StackOptions, ports: ChosenPorts, run_dir: RunDir, progress: Progress
) -> tuple[str, ProcessSpec | None]:
    if options.bootstrap_servers:
        _require_answer("KAFKA_BOOTSTRAP_SERVERS", options.bootstrap_servers.split(","))
        _create_topics(options.bootstrap_servers, options.partitions)
        return "external", None
    topics = partial(_create_topics, f"{HOST}:{ports.kafka}", options.partitions)
    if options.broker == "tansu":
        return "tansu", _tansu(ports, topics, progress)
    try:
        runtime = find_runtime(progress)
    except (MissingError, FetchError) as error:
        if options.broker == "kafka":
            raise
        progress(f"Apache Kafka cannot run here: {error}")
        return "tansu", _tansu(ports, topics, progress)
    node = KafkaNode(run_dir.kafka, ports.kafka, voters=(Voter(1, ports.controller),))
    return "kafka", kafka_process(node, runtime, topics)


def _tansu(ports: ChosenPorts, topics: Callable[[], None], progress: Progress) -> ProcessSpec:
    program = find_tansu()
    progress(f"the broker is Tansu: {CONSEQUENCE}")
    return tansu_process(ports.kafka, program, topics)


def _store(options: StackOptions, ports: ChosenPorts, run_dir: RunDir) -> ProcessSpec | None:
    if options.redis_url:
        url = urlsplit(options.redis_url)
        _require_answer("REDIS_URL", [f"{url.hostname or HOST}:{url.port or 6379}"])
        return None
    return valkey_process(ports.redis, find_valkey(), run_dir.redis, persistent=options.run_dir is not None)


def _require_answer(variable: str, addresses: list[str]) -> None:
    """Checks that one of the addresses (host:port) accepts connections."""
    for address in addresses:
        host, _, port = address.strip().rpartition(":")
        if host and port.isdigit() and accepts(int(port), host.strip("[]"), CONNECT_TIMEOUT_S):
            return
    raise ConfigurationError(f"{variable}: nothing answers at {', '.join(addresses)}")


def _create_topics(bootstrap_servers: str, partitions: int) -> None:
    if not partitions:
        return
    # Imported here: only stacks with topics need a Kafka client.
    from josefine_kafka.admin import create_topics  # noqa: PLC0415
    from josefine_kafka.broker_environment import broker_at  # noqa: PLC0415
    from josefine_stage.errors import StageError  # noqa: PLC0415

    try:
        create_topics(broker_at(bootstrap_servers), partitions)
    except StageError as error:
        raise StartError(f"the topics cannot be created: {error}") from error
