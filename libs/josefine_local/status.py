"""What runs, as `josefine status` and the tests see it: the state file, asked after live."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from josefine_local.probes import http_json, http_ready
from josefine_local.state import ProcessState, StackState


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device child of inference."""

    device: str
    pid: int | None
    restarts: int


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A process of the stack."""

    role: str
    pid: int | None
    ready: bool
    restarts: int
    port: int
    devices: tuple[DeviceStatus, ...] | None = None
    """Of a service that has devices."""


@dataclass(frozen=True, slots=True)
class StackStatus:
    """A stack, or the absence of one."""

    running: bool
    run_dir: Path
    bootstrap_servers: str = ""
    redis_url: str = ""
    delivery: str = ""
    broker: str = ""
    http_url: str = ""
    processes: tuple[ProcessStatus, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        if not self.running:
            return {"running": False, "run_dir": str(self.run_dir), "processes": []}
        return {
            "running": True,
            "run_dir": str(self.run_dir),
            "bootstrap_servers": self.bootstrap_servers,
            "redis_url": self.redis_url,
            "delivery": self.delivery,
            "broker": self.broker,
            "http_url": self.http_url,
            "processes": [_process_json(process) for process in self.processes],
        }


def live_status(state: StackState | None, run_dir: Path) -> StackStatus:
    """Returns the status of the stack that the state file describes; services are asked, so this may take seconds."""
    if state is None or not state.supervisor.alive():
        return StackStatus(running=False, run_dir=run_dir)
    return StackStatus(
        running=True,
        run_dir=run_dir,
        bootstrap_servers=state.bootstrap_servers,
        redis_url=state.redis_url,
        delivery=state.delivery,
        broker=state.broker,
        http_url=state.http_url,
        processes=tuple(_live(process) for process in state.processes),
    )


def _live(state: ProcessState) -> ProcessStatus:
    alive = state.process is not None and state.process.alive()
    pid = state.process.pid if state.process is not None and alive else None
    ready = alive and (http_ready(state.port) if state.kind == "service" else state.ready)
    devices = _devices(state.port) if state.kind == "service" and alive else None
    return ProcessStatus(state.role, pid, ready, state.restarts, state.port, devices)


def _devices(port: int) -> tuple[DeviceStatus, ...] | None:
    document = http_json(port, "/status") or {}
    listed = document.get("devices")
    if not isinstance(listed, list):
        return None
    return tuple(
        DeviceStatus(str(each.get("device")), each.get("pid"), int(each.get("restarts") or 0))
        for each in listed
        if isinstance(each, dict)
    )


def _process_json(process: ProcessStatus) -> dict[str, Any]:
    document: dict[str, Any] = {
        "role": process.role,
        "pid": process.pid,
        "ready": process.ready,
        "restarts": process.restarts,
        "port": process.port,
    }
    if process.devices is not None:
        document["devices"] = [
            {"device": each.device, "pid": each.pid, "restarts": each.restarts} for each in process.devices
        ]
    return document
