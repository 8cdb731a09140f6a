"""Memory of every process of the stack while much audio is sent faster than real time.

    python -m bench.memory --minutes 60 --audio FOLDER [--json FILE]

Recordings of the folder are played again and again in an order drawn anew each time (with a fixed seed), each as a new
session, 16 at once, until so many minutes of audio have come out as transcripts. Every half minute of audio the
resident memory of each process is noted. The verdict compares the mean after the first sixth of the audio (ten minutes
of sixty) with the mean of the last sixth.
"""

import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.corpus import enough
from bench.flatness import LEAST_ROWS, Flatness, flatness
from bench.report import Bar, Report, arguments
from bench.usage import usage
from josefine_cli.manifest import ReferenceClip, read_manifest
from josefine_cli.recordings import recording
from josefine_client.collector import Collector
from josefine_client.player import Finished, Player, PlayOptions
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker
from josefine_local.options import StackOptions
from josefine_local.stack import LocalStack
from josefine_wire.positions import seconds
from josefine_wire.records import session_config

NOT_MEMORY = frozenset({"minutes", "elapsed_s"})


def resident_mib(stack: LocalStack) -> dict[str, float]:
    """Returns the resident memory of each role, device children included, in MiB."""
    sizes = {role: used.resident_mib for role, used in usage(stack).items()}
    return sizes | {"all": sum(sizes.values())}


def measure(stack: LocalStack, clips: Sequence[ReferenceClip], console: Console) -> list[dict[str, float]]:
    """Returns a row a half minute of audio: minutes, seconds, MiB by role."""
    rows: list[dict[str, float]] = []
    done_s, started_s = 0.0, time.monotonic()
    broker = Broker(stack.bootstrap_servers)
    # One by one, as they are played: thousands of sessions may wait.
    jobs = (recording(clip.path, session_config("RECORDED"), None) for clip in clips)
    with Publisher.connect(broker) as publisher, Collector.connect(broker) as collector:
        player = Player(publisher, collector, PlayOptions(in_flight=16))
        for event in player.play(jobs):
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
    return flatness(rows, [name for name in rows[-1] if name not in NOT_MEMORY])


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
    """Measures and prints; exit status 1 if any process grew, 2 where there are too few rows to judge."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--minutes", type=float, default=60.0, help="audio to send")
    options = parser.parse_args()
    console = Console()
    report = Report("memory", " ".join((__doc__ or "").split("\n\n")[2].split()), options.seed)
    clips = enough(read_manifest(options.audio), options.minutes * 60, options.seed)
    with LocalStack(StackOptions.from_environment(), progress=console.print) as stack:
        report.rows = measure(stack, clips, console)
    if len(report.rows) < LEAST_ROWS:
        console.print(f"{options.minutes:g} minutes are too little to judge: at least {LEAST_ROWS // 2} are needed")
        return 2
    judged = verdict(report.rows)
    show(report.rows, judged, console)
    flat = all(result.flat for result in judged.values())
    report.figures = {"memory_flat": float(flat), "verdict": judged}
    report.bars = [Bar("memory_flat", float(flat), 1)]
    if options.json is not None:
        report.write(options.json)
    return 0 if report.reached else 1


if __name__ == "__main__":
    sys.exit(main())
