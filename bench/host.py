"""How many live sessions a core of the host feeds to a device: real ingest, feature and inference processes, a real
broker and store, and a SIMULATED device, which only takes time.

    python -m bench.host [--streams 50,100,200] [--audio FOLDER] [--json FILE]

Live: for each N, N sessions of real speech (linear16, pieces of 0.2 s, interims on, staggered starts, each at another
place of a tape of recordings) run at the pace of speech for `--window` seconds. The tape is as long as what the
smallest N hears together, and N is best a multiple of that: then every row hears all of the tape equally often. N is
raised until the device is not fed any more, which is so when one of these holds:
- fed < 0.95: the audio of the windows that it decoded per second of a stream, over the same at the smallest N, where
  nothing waits. A host that falls behind skips interims, so the device idles more than 5 % of what it should be busy;
- finals come later than 1 s (95th percentile) after the audio was due that told their end;
- what any stage has still to read has grown by more than half a second of audio within the window.
A row is refused where the load itself was late (1 % of its pieces by more than 0.1 s), and where other processes, or
whoever runs this machine, took more than 0.15 cores; it is then tried twice more.

host_ms are CPU milliseconds of a process for a second of audio of one stream, system time included. streams_per_core
is 1000 / (ingest + feature + the inference parent) at the largest N that was fed. Broker, store, the load and the
listener stand apart: here they share the machine's cores with the host, so N itself says less than streams_per_core.
nlu does not run: nothing waits for it. Backlog: recorded sessions are all there at once, and devices that could decode
so many times real time are fed from them; busy is the share of the time that the device works (backlog.py).
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bench.backlog import measure_backlog
from bench.corpus import enough, speech
from bench.host_row import HOST_ROLES, REFUSED, RowOptions, measure_row
from bench.report import Bar, Report, arguments
from bench.simulated_device import VARIABLE, StepTimes
from bench.stages import ALL_LET_IN
from bench.tape import record
from bench.usage import Usage, usage
from josefine_local.options import Service, StackOptions, standard_services
from josefine_local.stack import LocalStack

STREAMS = "50,100,150,200,300,400,600,800"
SPEEDS = "50,100,200,400"
WARM_UP_STREAMS, WARM_UP_S = 10, 10.0
ATTEMPTS = 3
"""For a row that says nothing because others were busy."""
TAPE_STREAMS = 50
"""Of whose windows the tape is made where there are no live rows."""
COLUMNS = (
    "streams", "fed", "busy", *(f"{role}_ms" for role in HOST_ROLES), "host_ms", "broker_ms", "store_ms", "load_ms",
    "after_endpoint_s", "after_speech_s", "interims_per_s", "mib_per_stream", "late_p99_ms",
    "cores_used", "cores_others", "verdict",
)  # fmt: skip


def services(step_times: Path) -> tuple[Service, ...]:
    """Returns ingest, feature, and inference with a simulated device that reads its times from the file."""
    ingest, feature, inference, _ = standard_services()
    simulated = Service(
        "inference",
        (sys.executable, "-m", "bench.simulated_inference"),
        # One device: what it is given is what is measured.
        {VARIABLE: str(step_times), "JOSEFINE_DEVICE": "cpu", **ALL_LET_IN},
        models=inference.models,
    )
    return ingest, feature, simulated


def measure(stack: LocalStack, tape: Path, streams: list[int], row: RowOptions, report: Report) -> dict[str, Usage]:
    """Adds a row for each N until the device is not fed; returns the usage of the stack before."""
    measure_row(stack, tape, WARM_UP_STREAMS, RowOptions(window_s=WARM_UP_S, seed=row.seed), {}, None)
    idle = usage(stack)
    alone: float | None = None
    for count in streams:
        for _ in range(ATTEMPTS):
            measured = measure_row(stack, tape, count, row, idle, alone)
            if not measured["verdict"].startswith(REFUSED):
                break
        report.rows.append(measured)
        alone = alone or measured["device_audio_s_per_stream_s"]
        if measured["verdict"] != "fed":
            break
    return idle


def figures(report: Report) -> None:
    """Fills in what others refer to; without a row that was fed there is no figure, and so no bar."""
    fed = [row for row in report.rows if row["verdict"] == "fed"]
    report.figures["ended_by"] = report.rows[-1]["verdict"]
    if not fed:
        return
    best = max(fed, key=lambda row: row["streams"])
    report.figures |= {
        "streams_per_core": 1000 / best["host_ms"],
        "streams_on_this_machine": best["streams"],
        "host_ms_per_stream_s": {key: value for key, value in best.items() if key.endswith("_ms")},
        "mib_per_stream_by_role": best["mib_per_stream_by_role"],
    }
    report.bars = [Bar("streams_per_core", report.figures["streams_per_core"], 500)]


def parser() -> ArgumentParser:
    """Returns what this bench takes."""
    options = arguments(__doc__ or "")
    options.add_argument("--streams", default=STREAMS, help="N, ascending, separated by commas; empty: no live rows")
    options.add_argument("--window", type=float, default=30.0, help="seconds that are measured for each N")
    options.add_argument("--batch-ms", type=float, default=StepTimes().batch_ms, help="simulated time of a batch")
    options.add_argument("--audio-ms", type=float, default=StepTimes().audio_ms, help="and of a second of audio in it")
    options.add_argument("--speeds", default=SPEEDS, help="of the backlog's devices, x real time; empty: no backlog")
    return options


def main() -> int:
    """Measures and prints; exit status 1 where the bar is missed, 2 where no row of live streams says anything."""
    options = parser().parse_args()
    console = Console(width=240)
    report = Report("host", " ".join((__doc__ or "").split()), options.seed, simulated=True)
    times = StepTimes(options.batch_ms, options.audio_ms)
    report.figures["step_times"] = {"batch_ms": times.batch_ms, "audio_ms": times.audio_ms}
    with TemporaryDirectory(prefix="josefine-bench-") as folder:
        tape, step_times = Path(folder, "tape"), Path(folder, "step-times.json")
        times.write(step_times)
        streams = [int(count) for count in options.streams.split(",") if count]
        tape_s = (streams or [TAPE_STREAMS])[0] * options.window
        report.figures["tape_s"] = record(enough(speech(options.audio), tape_s, options.seed), tape_s, tape)
        with LocalStack(StackOptions.from_environment(services=services(step_times)), console.print) as stack:
            row = RowOptions(window_s=options.window, seed=options.seed, progress=console.print)
            measure(stack, tape, streams, row, report)
            if options.speeds:
                speeds = [float(speed) for speed in options.speeds.split(",")]
                rows = measure_backlog(stack, tape, speeds, step_times, console.print)
                report.figures["backlog"] = rows
                Report("host, backlog", "", options.seed, simulated=True, rows=rows).show(console)
    if streams:
        figures(report)
    report.show(console, [name for name in COLUMNS if report.rows and name in report.rows[0]])
    if options.json is not None:
        report.write(options.json)
    if streams and not report.bars:
        console.print(f"nothing was measured: {report.figures['ended_by']}", style="red")
        return 2
    return 0 if report.reached else 1


if __name__ == "__main__":
    sys.exit(main())
