"""Memory of every process of the stack while much audio is sent faster than real time.

    python -m bench.memory --minutes 60 --audio FOLDER [--json FILE]

Recordings of the folder are played again and again in an order drawn anew each time (with a fixed seed), each as a new
session, 16 at once, until so many minutes of audio have come out as transcripts. Every half minute of audio the
resident memory of each process is noted. The verdict compares the mean after the first sixth of the audio (ten minutes
of sixty) with the mean of the last sixth.
"""

import argparse
import json
import platform
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench.flatness import LEAST_ROWS, Flatness, flatness
from josefine_client.chunks import Session
from josefine_client.collector import Collector
from josefine_client.pacing import Piece, pieces_in_bytes
from josefine_client.player import Finished, Player, PlayOptions, Recording
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker
from josefine_local.options import StackOptions
from josefine_local.stack import LocalStack
from josefine_wire.positions import seconds
from josefine_wire.records import session_config

MIB = 1024 * 1024
SEED = 1


def resident_mib(stack: LocalStack) -> dict[str, float]:
    """Returns the resident memory of each role, device children included, in MiB."""
    sizes: dict[str, float] = {}
    for process in stack.status().processes:
        if process.pid is None:
            continue
        root = psutil.Process(process.pid)
        for each in [root, *root.children(recursive=True)]:
            name = process.role if each.pid == process.pid else f"{process.role} child"
            sizes[name] = sizes.get(name, 0.0) + each.memory_info().rss / MIB
    sizes["all"] = sum(sizes.values())
    return sizes


def recordings(folder: Path) -> Iterator[tuple[Path, float]]:
    """Yields the folder's recordings and their lengths in seconds, again and again, shuffled: in the manifest's order
    the long ones come together, and a run of a few rounds would mistake their load for growth.
    """
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    clips = [json.loads(line) for line in lines]
    order = random.Random(SEED)
    while True:
        for clip in order.sample(clips, len(clips)):
            yield folder / clip["file"], float(clip["duration_s"])


def enough(folder: Path, minutes: float) -> Iterator[Recording]:
    """Yields sessions until they hold `minutes` of audio."""
    left_s = minutes * 60
    for file, duration_s in recordings(folder):
        if left_s <= 0:
            return
        left_s -= duration_s
        yield Recording(Session(config=session_config("RECORDED")), lazily(file))


def lazily(file: Path) -> Iterator[Piece]:
    """Yields the file's pieces; opened when the first is sent, so that thousands may wait."""
    with file.open("rb") as opened:
        yield from pieces_in_bytes(opened, 32 * 1024)


def measure(stack: LocalStack, folder: Path, minutes: float, console: Console) -> list[dict[str, float]]:
    """Returns a row a half minute of audio: minutes, seconds, MiB by role."""
    rows: list[dict[str, float]] = []
    done_s, started_s = 0.0, time.monotonic()
    broker = Broker(stack.bootstrap_servers)
    with Publisher.connect(broker) as publisher, Collector.connect(broker) as collector:
        player = Player(publisher, collector, PlayOptions(in_flight=16))
        for event in player.play(enough(folder, minutes)):
            if not isinstance(event, Finished):
                continue
            if event.failure is not None:
                console.print(f"a session failed: {event.failure}", style="red")
            done_s += seconds(event.result.length_samples)
            if done_s >= 30 * (len(rows) + 1):
                rows.append({"minutes": done_s / 60, "elapsed_s": time.monotonic() - started_s, **resident_mib(stack)})
    return rows


def verdict(rows: list[dict[str, float]]) -> dict[str, Flatness]:
    """Returns for each role whether its memory is flat."""
    return flatness(rows, [name for name in rows[-1] if name not in {"minutes", "elapsed_s"}])


def show(rows: list[dict[str, float]], judged: dict[str, Flatness], console: Console) -> None:
    """Prints MiB by role at six points of the run."""
    table = Table("process", title="resident memory, MiB, by minutes of audio transcribed")
    points = [rows[round((len(rows) - 1) * n / 6)] for n in range(7)]
    for point in points:
        table.add_column(f"{point['minutes']:.0f} min", justify="right")
    table.add_column("flat")
    for role, result in judged.items():
        cells = [f"{point.get(role, 0.0):.0f}" for point in points]
        table.add_row(role, *cells, "yes" if result.flat else "NO")
    console.print(table)
    last = rows[-1]
    console.print(
        f"{last['minutes']:.0f} minutes of audio in {last['elapsed_s']:.0f} s"
        f" ({last['minutes'] * 60 / last['elapsed_s']:.0f} x real time)"
    )


def main() -> int:
    """Measures and prints; exit status 1 if any process grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="audio to send")
    parser.add_argument("--audio", type=Path, default=Path("samples"), help="folder with a manifest.jsonl")
    parser.add_argument("--json", type=Path, help="write rows and verdict here")
    options = parser.parse_args()
    console = Console()
    with LocalStack(StackOptions.from_environment(), progress=console.print) as stack:
        rows = measure(stack, options.audio, options.minutes, console)
    if len(rows) < LEAST_ROWS:
        console.print(f"{options.minutes:g} minutes are too little to judge: at least {LEAST_ROWS // 2} are needed")
        return 2
    judged = verdict(rows)
    show(rows, judged, console)
    if options.json:
        machine = {"processor": platform.processor() or platform.machine(), "cpus": psutil.cpu_count()}
        options.json.write_text(
            json.dumps({"machine": machine, "rows": rows, "verdict": judged}, indent=1, default=asdict)
        )
    return 0 if all(result.flat for result in judged.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
