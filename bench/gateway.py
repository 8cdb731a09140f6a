"""What the gateway costs and adds: a real replica, broker and store; the pipeline behind it is a SIMULATED one, which
writes an interim a second and a final every four for each session and hears nothing.

    python -m bench.gateway [--idle 200] [--speaking 50] [--frames 20,100] [--window 20] [--audio FOLDER] [--json FILE]

Rows: the replica alone; so many idle sockets, which send KeepAlive every 4 s; so many speaking ones, linear16 of real
recordings in frames at the pace of speech, once for each length of a frame. cpu_ms are CPU milliseconds of the replica
for a second of one socket, what it takes alone left out; a speaking socket's second is an audio second. kib_per_socket
is resident memory that the row's sockets added, after the first row that warmed it up. durable_s: first byte of a
record handed to the client's socket -> the record read from audio.raw by a consumer; a record gathers 0.1 s of audio,
which is in it. told_s: a final handed to the broker's client -> read from the client's socket. Distributions are
p50 / p95 / p99. late_p99_ms: how late the load's own frames were; cores_others: other programs, broker, store and
clients left out. All of them share the machine.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
from rich.console import Console

from bench.corpus import enough, speech
from bench.gateway_clients import Client, opened, spoken
from bench.gateway_log import Durable, Telling, told
from bench.report import Distribution, Report, arguments, finish
from bench.tape import record
from bench.usage import cpu_between, machine_s, usage
from josefine_kafka.connection import Broker
from josefine_local.options import GATEWAY_ROLE, StackOptions, standard_services
from josefine_local.stack import LocalStack

SETTLE_S: Final = 3.0
TAPE_S: Final = 120.0
WARM_UP: Final = 20
COLUMNS: Final = (
    "what", "sockets", "frame_ms", "cpu_ms", "kib_per_socket", "durable_s", "told_s", "records_per_s",
    "late_p99_ms", "clients_cores", "broker_cores", "cores_others",
)  # fmt: skip


@dataclass(slots=True)
class Measuring:
    """Rows of one replica."""

    stack: LocalStack
    tape: bytes
    window_s: float
    alone_cores: float = 0.0
    """What it takes while nobody is there."""

    async def row(self, what: str, sockets: int, frame_ms: int = 0) -> dict[str, Any]:
        """Returns a row: sockets are opened, speak and are closed again."""
        before_mib = self._resident_mib()
        clients: dict[str, Client] = {}
        async with AsyncExitStack() as held:
            await opened(self.stack.http_url, sockets, held, clients)
            begin_s = time.monotonic()
            until_s = begin_s + SETTLE_S + self.window_s + 1.0
            broker = Broker(self.stack.bootstrap_servers)
            durable = Durable(broker, clients, frame_ms) if frame_ms else None
            telling = Telling(broker, clients, until_s) if frame_ms else None
            for thread in filter(None, (durable, telling)):
                thread.start()
            speaking = asyncio.ensure_future(spoken(clients, self.tape, frame_ms, begin_s, until_s))
            await asyncio.sleep(SETTLE_S)
            measured = await self._measured(max(sockets, 1))
            grown_kib = (self._resident_mib() - before_mib) * 1024
            await speaking
            for thread in filter(None, (durable, telling)):
                await asyncio.to_thread(thread.finish if isinstance(thread, Durable) else thread.join)
        late = Distribution.of([late_s for client in clients.values() for late_s in client.late_s(frame_ms)])
        return {
            "what": what,
            "sockets": sockets,
            "frame_ms": frame_ms or None,
            **measured,
            "kib_per_socket": grown_kib / sockets if sockets else None,
            "durable_s": Distribution.of(durable.ages_s) if durable else None,
            "told_s": Distribution.of(told(clients, telling)) if telling else None,
            "records_per_s": durable.records / (until_s - begin_s) if durable else None,
            "late_p99_ms": 1000 * late.p99 if frame_ms else None,
        }

    async def _measured(self, sockets: int) -> dict[str, float]:
        before, machine, own = usage(self.stack), machine_s(), psutil.Process().cpu_times()
        began_s = time.monotonic()
        await asyncio.sleep(self.window_s)
        took_s = time.monotonic() - began_s
        spent = cpu_between(before, usage(self.stack))
        after, now = machine_s(), psutil.Process().cpu_times()
        clients_s = now.user + now.system - own.user - own.system
        cores = spent[GATEWAY_ROLE] / took_s
        others_s = sum(after) - sum(machine) - sum(spent.values()) - clients_s
        return {
            "cpu_ms": 1000 * (cores - self.alone_cores) / sockets,
            "gateway_cores": cores,
            "resident_mib": self._resident_mib(),
            "clients_cores": clients_s / took_s,
            "broker_cores": spent["broker"] / took_s,
            "cores_others": others_s / took_s,
        }

    def _resident_mib(self) -> float:
        return usage(self.stack)[GATEWAY_ROLE].resident_mib


async def measure(
    measuring: Measuring, idle: int, speaking: int, frames: list[int], report: Report, json: Path
) -> None:
    """Adds all rows."""
    await measuring.row("warm up", WARM_UP, 100)
    alone = await measuring.row("alone", 0)
    measuring.alone_cores = alone["gateway_cores"]
    report.keep(alone, json)
    report.keep(await measuring.row("idle", idle), json)
    for frame_ms in frames:
        report.keep(await measuring.row("speaking", speaking, frame_ms), json)


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--idle", type=int, default=200, help="sockets that only stay")
    parser.add_argument("--speaking", type=int, default=50, help="sockets that speak")
    parser.add_argument("--frames", default="20,100", help="milliseconds of a frame, separated by commas")
    parser.add_argument("--window", type=float, default=20.0, help="seconds that are measured for each row")
    options = parser.parse_args()
    report = Report("gateway", " ".join((__doc__ or "").split()), options.seed, simulated=True)
    with TemporaryDirectory(prefix="josefine-bench-") as folder:
        tape = Path(folder, "tape")
        record(enough(speech(options.audio), TAPE_S, options.seed), TAPE_S, tape)
        services = standard_services(roles=(GATEWAY_ROLE,))
        with LocalStack(StackOptions.from_environment(services=services), Console().print) as stack:
            measuring = Measuring(stack, tape.read_bytes(), options.window)
            frames = [int(each) for each in options.frames.split(",") if each]
            asyncio.run(measure(measuring, options.idle, options.speaking, frames, report, options.json))
    report.figures = {
        "resident_mib_alone": report.rows[0]["resident_mib"],
        "idle_cpu_ms_per_socket_s": report.rows[1]["cpu_ms"],
    }
    return finish(report, options.json, COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
