"""Which broker a stack has, and of how many nodes: Apache Kafka, Tansu in its place, or one that was named."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from josefine_local.errors import ConfigurationError, FetchError, MissingError, StartError
from josefine_local.kafka import KafkaNode, Voter, find_runtime, kafka_process, new_cluster_id
from josefine_local.options import StackOptions
from josefine_local.paths import RunDir
from josefine_local.port_choice import ChosenPorts
from josefine_local.ports import HOST
from josefine_local.probes import accepts
from josefine_local.process import ProcessSpec, nothing
from josefine_local.small_disk import SmallDisk
from josefine_local.tansu import CONSEQUENCE, find_tansu, tansu_process

Progress = Callable[[str], None]

CONNECT_TIMEOUT_S: Final = 5.0
CLUSTER_SIZES: Final = (1, 3)
NODE_HEAP_MIB: Final = 256
"""Of one of three: each holds a third of the leaders and a copy of the rest."""


@dataclass(frozen=True, slots=True)
class Brokers:
    """The broker of a stack."""

    name: str
    """kafka, tansu, or external."""
    bootstrap_servers: str
    processes: tuple[ProcessSpec, ...] = ()
    after_ready: Callable[[], None] = nothing
    """Creates the topics, once all processes are ready."""
    nodes: tuple[KafkaNode, ...] = ()


def require_sense(options: StackOptions) -> None:
    """Checks that the broker that is asked for can be had as it is asked for.

    Raises:
        ConfigurationError: the options contradict each other.
    """
    if options.brokers not in CLUSTER_SIZES:
        raise ConfigurationError(f"{options.brokers} brokers: a stack has 1 or 3")
    if not _only_kafka(options):
        return
    asked = f"{options.brokers} brokers" if options.brokers > 1 else f"a disk of {options.disk_mib} MiB"
    if options.bootstrap_servers:
        raise ConfigurationError(f"{asked}: the broker is not ours, KAFKA_BOOTSTRAP_SERVERS names one: unset it")
    if options.broker == "tansu":
        raise ConfigurationError(f"{asked}: only Apache Kafka can have that, and Tansu was asked for")


def choose_brokers(options: StackOptions, ports: ChosenPorts, run_dir: RunDir, progress: Progress) -> Brokers:
    """Returns the broker that the options ask for. Topics of one that is not ours are created here.

    Raises:
        ConfigurationError: the broker that was named does not answer.
        MissingError, FetchError: a program cannot be had.
    """
    if options.bootstrap_servers:
        require_answer("KAFKA_BOOTSTRAP_SERVERS", options.bootstrap_servers.split(","))
        _create_topics(options.bootstrap_servers, options.partitions)
        return Brokers("external", options.bootstrap_servers)
    if options.broker == "tansu":
        return _tansu(options, ports, progress)
    try:
        runtime = find_runtime(progress)
    except (MissingError, FetchError) as error:
        if options.broker == "kafka" or _only_kafka(options):
            raise
        progress(f"Apache Kafka cannot run here: {error}")
        return _tansu(options, ports, progress)
    nodes = kafka_nodes(options, ports, run_dir)
    servers = ",".join(node.address for node in nodes)
    topics = partial(_create_topics, servers, options.partitions, len(nodes))
    return Brokers("kafka", servers, tuple(kafka_process(node, runtime) for node in nodes), topics, nodes)


def kafka_nodes(options: StackOptions, ports: ChosenPorts, run_dir: RunDir) -> tuple[KafkaNode, ...]:
    """Returns the nodes: one `broker`, or `broker-1` to `broker-3`, with the ports in their order."""
    voters = tuple(Voter(number, port) for number, port in enumerate(ports.controllers, 1))
    if len(voters) == 1:
        return (KafkaNode(run_dir.kafka, ports.kafka[0], voters, disk=_disk(options)),)
    cluster_id = _cluster_id(run_dir)
    return tuple(
        KafkaNode(
            folder=run_dir.kafka_cluster / str(voter.node_id),
            port=port,
            voters=voters,
            node_id=voter.node_id,
            cluster_id=cluster_id,
            heap_mib=NODE_HEAP_MIB,
            role=f"broker-{voter.node_id}",
            disk=_disk(options),
        )
        for voter, port in zip(voters, ports.kafka, strict=True)
    )


def require_answer(variable: str, addresses: list[str]) -> None:
    """Checks that one of the addresses (host:port) accepts connections.

    Raises:
        ConfigurationError: none does; the message names the variable.
    """
    for address in addresses:
        host, _, port = address.strip().rpartition(":")
        if host and port.isdigit() and accepts(int(port), host.strip("[]"), CONNECT_TIMEOUT_S):
            return
    raise ConfigurationError(f"{variable}: nothing answers at {', '.join(addresses)}")


def _only_kafka(options: StackOptions) -> bool:
    return options.brokers > 1 or options.disk_mib is not None


def _disk(options: StackOptions) -> SmallDisk | None:
    return SmallDisk(options.disk_mib) if options.disk_mib is not None else None


def _cluster_id(run_dir: RunDir) -> str:
    """Returns the id of a run folder's cluster: nodes that were formatted at different starts have to agree."""
    file = run_dir.kafka_cluster / "cluster.id"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(new_cluster_id(), encoding="ascii")
    return file.read_text(encoding="ascii")


def _tansu(options: StackOptions, ports: ChosenPorts, progress: Progress) -> Brokers:
    program = find_tansu()
    progress(f"the broker is Tansu: {CONSEQUENCE}")
    servers = f"{HOST}:{ports.kafka[0]}"
    topics = partial(_create_topics, servers, options.partitions)
    return Brokers("tansu", servers, (tansu_process(ports.kafka[0], program, topics),))


def _create_topics(bootstrap_servers: str, partitions: int, replication: int = 1) -> None:
    if not partitions:
        return
    # Imported here: only stacks with topics need a Kafka client.
    from josefine_kafka.admin import create_topics  # noqa: PLC0415
    from josefine_kafka.broker_environment import broker_at  # noqa: PLC0415
    from josefine_stage.errors import StageError  # noqa: PLC0415

    try:
        create_topics(broker_at(bootstrap_servers), partitions, replication)
    except StageError as error:
        raise StartError(f"the topics cannot be created: {error}") from error
