"""A Redis Cluster and a primary with a Sentinel, as real processes on this machine."""

import subprocess
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import redis
from deadlines import wait_until

from josefine_local.ports import HOST, free_ports
from josefine_local.valkey import find_valkey

NODES, SLOTS = 3, 16_384

_until = partial(wait_until, not_yet=redis.RedisError)


@dataclass
class RedisServers:
    """Running servers and the URL by which they are reached."""

    url: str
    processes: list[subprocess.Popen[bytes]]
    primaries: list[redis.Redis] = field(default_factory=list)

    def fail_over(self) -> None:
        """Kills the primary."""
        self.processes[0].kill()
        self.processes[0].wait()

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def start_server(folder: Path) -> RedisServers:
    """Returns one server."""
    (port,) = free_ports(1)
    servers = RedisServers(f"redis://{HOST}:{port}/0", [_start(folder, port)])
    _until(redis.Redis(HOST, port).ping)
    return servers


def start_cluster(folder: Path) -> RedisServers:
    """Returns three primaries that share the slots."""
    # A node's bus listens at its port plus 10000 unless told otherwise.
    ports = free_ports(2 * NODES)
    data, buses = ports[:NODES], ports[NODES:]
    processes = [
        _start(folder, port, "--cluster-enabled", "yes", "--cluster-port", str(bus))
        for port, bus in zip(data, buses, strict=True)
    ]
    nodes = [redis.Redis(HOST, port) for port in data]
    for number, node in enumerate(nodes):
        _until(node.ping)
        first, last = SLOTS * number // NODES, SLOTS * (number + 1) // NODES - 1
        node.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        node.execute_command("CLUSTER MEET", HOST, data[0], buses[0])
    for node in nodes:
        _until(lambda node=node: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")  # type: ignore[misc]
    return RedisServers(f"redis+cluster://{','.join(f'{HOST}:{port}' for port in data)}", processes, nodes)


def start_sentinel(folder: Path) -> RedisServers:
    """Returns a primary, a replica and the Sentinel that watches them."""
    primary, replica, watch = free_ports(3)
    processes = [_start(folder, primary), _start(folder, replica, "--replicaof", HOST, str(primary))]
    second = redis.Redis(HOST, replica)
    _until(lambda: second.info("replication").get("master_link_status") == "up")
    settings = folder / "sentinel.conf"
    settings.write_text(
        f"port {watch}\nbind {HOST}\nsentinel monitor speech {HOST} {primary} 1\n"
        "sentinel down-after-milliseconds speech 1000\nsentinel failover-timeout speech 5000\n"
    )
    processes.append(
        subprocess.Popen([str(find_valkey()), str(settings), "--sentinel"], cwd=folder, stdout=subprocess.DEVNULL)
    )
    sentinel = redis.Redis(HOST, watch)
    _until(lambda: len(sentinel.execute_command("SENTINEL REPLICAS", "speech")) == 1)
    return RedisServers(f"redis+sentinel://{HOST}:{watch}/speech/0", processes)


def _start(folder: Path, port: int, *more: str) -> subprocess.Popen[bytes]:
    data = folder / str(port)
    data.mkdir()
    arguments = ("--port", str(port), "--bind", HOST, "--dir", str(data), "--save", "", *more)
    return subprocess.Popen([str(find_valkey()), *arguments], stdout=subprocess.DEVNULL)
