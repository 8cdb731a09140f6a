"""One node of Apache Kafka, broker and KRaft controller in one process, sized for one machine."""

import base64
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final

from josefine_local.errors import StartError
from josefine_local.jars import ensure_jars
from josefine_local.java import Java, find_java
from josefine_local.ports import HOST
from josefine_local.probes import kafka_answers
from josefine_local.process import ProcessSpec, leashed
from josefine_local.small_disk import SmallDisk

NATIVE_ACCESS_WARNS: Final = 22
"""First Java release that prints a warning when a library (zstd, snappy) loads native code."""
FORMAT_TIMEOUT_S: Final = 60.0
READY_TIMEOUT_S: Final = 180.0
"""A node takes 3 s; three beside a test run on two slow cores more than 90."""
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class KafkaRuntime:
    """What runs a node: Java and the jars."""

    java: Java
    class_path: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Voter:
    """A member of the controller quorum, on this machine."""

    node_id: int
    controller_port: int


@dataclass(frozen=True, slots=True)
class KafkaNode:
    """A node of a cluster. A cluster of one has one voter; of three, three nodes with the same voters and id."""

    folder: Path
    """Settings and log segments; kept over restarts."""
    port: int
    voters: tuple[Voter, ...]
    node_id: int = 1
    cluster_id: str = ""
    """Empty: a new id when the folder is formatted (a cluster of one)."""
    heap_mib: int = 384
    role: str = "broker"
    disk: SmallDisk | None = None
    """Holds the log segments instead of the folder, and is lost with the stack."""

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.port}"

    @property
    def settings_file(self) -> Path:
        """server.properties."""
        return self.folder / "server.properties"

    @property
    def log_dir(self) -> Path:
        """Kafka's log.dirs."""
        return (self.disk.folder if self.disk else self.folder) / "data"


def find_runtime(progress: Callable[[str], None]) -> KafkaRuntime:
    """Returns Java and the jars, which are fetched if need be.

    Raises:
        MissingError: no Java.
        FetchError: the jars cannot be had.
    """
    java = find_java()
    return KafkaRuntime(java, ensure_jars(progress))


def new_cluster_id() -> str:
    """Returns a random cluster id in Kafka's form: a UUID in URL-safe base 64 without padding.

    It never begins with the dash of that alphabet, which Kafka's tool takes for an option.
    """
    first, *others = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *others])).decode().rstrip("=")


def properties(node: KafkaNode) -> dict[str, str]:
    """Returns the node's settings. Pure."""
    controller = next(voter.controller_port for voter in node.voters if voter.node_id == node.node_id)
    replicas = str(min(3, len(node.voters)))
    in_sync = "2" if len(node.voters) > 2 else "1"
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": ",".join(f"{v.node_id}@{HOST}:{v.controller_port}" for v in node.voters),
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{node.address}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(node.log_dir),
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        # Few partitions of the internal topics: they are created at the first commit, which waits for them.
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # A member that joins or dies is noticed in seconds, a transaction of a dead producer as well.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "controller.quorum.append.linger.ms": "0",
        # A broker that was killed is let in again when its former session has ended: 9 s by default.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        # A node that hangs is asked for its part of a transaction's end: by default 30 s pass before another is.
        "request.timeout.ms": "5000",
        # Retention works by whole segments: small ones, rolled hourly, keep a topic near its limit.
        "log.segment.bytes": str(128 * MIB),
        "log.roll.hours": "1",
        "log.index.size.max.bytes": str(MIB),
        # Memory and threads for one machine; the cleaner's buffer is 128 MiB of heap by default.
        "log.cleaner.dedupe.buffer.size": str(4 * MIB),
        "log.cleaner.io.buffer.size": "65536",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
    }


def kafka_process(node: KafkaNode, runtime: KafkaRuntime) -> ProcessSpec:
    """Returns how the supervisor runs the node. Its folder is formatted before the first start."""
    return ProcessSpec(
        role=node.role,
        kind="broker",
        argv=(*_java_command(node, runtime), "kafka.Kafka", str(node.settings_file)),
        port=node.port,
        prepare=partial(_prepare, node, runtime),
        ready=partial(kafka_answers, node.port),
        ready_timeout_s=READY_TIMEOUT_S,
        essential=True,
    )


def _java_command(node: KafkaNode, runtime: KafkaRuntime) -> tuple[str, ...]:
    native = ("--enable-native-access=ALL-UNNAMED",) if runtime.java.version >= NATIVE_ACCESS_WARNS else ()
    return (
        str(runtime.java.program),
        "-Xms128m",
        # Paged in at once: what the broker takes is seen at its start, not hours later.
        "-XX:+AlwaysPreTouch",
        f"-Xmx{node.heap_mib}m",
        # One small heap, and no compiler that works for minutes beside the model: start-up counts more.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        *native,
        f"-Dlog4j2.configurationFile={node.folder / 'log4j2.xml'}",
        "-cp",
        ":".join(str(jar) for jar in runtime.class_path),
    )


def _prepare(node: KafkaNode, runtime: KafkaRuntime) -> None:
    node.folder.mkdir(parents=True, exist_ok=True)
    if node.disk:
        node.disk.open()
    lines = [f"{key}={value}\n" for key, value in properties(node).items()]
    node.settings_file.write_text("".join(lines), encoding="utf-8")
    logging = (resources.files(__package__) / "kafka-log4j2.xml").read_text(encoding="utf-8")
    (node.folder / "log4j2.xml").write_text(logging, encoding="utf-8")
    if not (node.log_dir / "meta.properties").exists():
        _format(node, runtime)


def _format(node: KafkaNode, runtime: KafkaRuntime) -> None:
    tool = (*_java_command(node, runtime), "kafka.tools.StorageTool", "format")
    arguments = ("-t", node.cluster_id or new_cluster_id(), "-c", str(node.settings_file))
    try:
        done = subprocess.run(
            leashed((*tool, *arguments)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=FORMAT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StartError(f"{node.role}: formatting {node.log_dir} took over {FORMAT_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        raise StartError(f"{node.role}: {node.log_dir} cannot be formatted:\n{done.stdout.strip()[-2000:]}")
