"""Memory and latency over time, with sessions that come and go.

    python -m bench.soak --minutes 60 [--streams 10] [--audio FOLDER] [--json FILE]

Real services, the real model, a real broker and store. N slots play live sessions of real speech one after another,
each 5 to 60 s long, under a new id, from a place of the tape that is drawn; one in twelve is never ended, so that
ingest has to end it when it has been idle for a minute; every 20 s a recorded one comes beside them. All are let in:
how many are idle is left to chance.
N is to be about half of what the machine can do: the latency at capacity is bench.live's question. Every 30 s a row:
private and resident memory of every process, device child, broker and store included, the latency of the finals that
came in these 30 s but for sessions that are never ended, what every stage has still to read, and how many sessions are
open.

soak_flat: 1 where the mean of the last sixth of the load is at most 2 % (or 8 MiB) above that of the second sixth, for
the private memory of every process, the 95th percentile of the finals' latency at most a fifth or 0.1 s, and the
sessions that a stage holds at most a fifth or 5.
Ctrl-C ends the run and gives what there is; the JSON file is written anew with every row.
"""

import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console

from bench.corpus import shuffled, speech
from bench.flatness import LEAST_ROWS, flatness
from bench.hearing import Heard, Listener
from bench.load import START_S, LoadOptions, LoadProcess
from bench.report import Bar, Distribution, Report, arguments
from bench.stages import ALL_LET_IN, lag, ports, sessions
from bench.tape import record
from bench.usage import usage
from josefine_kafka.connection import Broker
from josefine_local.options import StackOptions, standard_services
from josefine_local.stack import LocalStack

ROW_S: Final = 30.0
STREAMS: Final = 10
TAPE_S: Final = 3600.0
SHORTEST_S, LONGEST_S = 5.0, 60.0
ABANDONED: Final = 1 / 12
RECORDED_EVERY_S: Final = 20.0
RAMP_S: Final = 20.0
LATENCY: Final = "p95_s"
LATENCY_GROWTH, LATENCY_SLACK_S = 0.2, 0.1
"""A window of 30 s has some 50 finals: its 95th percentile is the third of them and moves by as much on its own."""
SESSIONS_GROWTH, SESSIONS_SLACK = 0.2, 5.0
"""Sessions that are never ended stay for a minute and come by chance; one that is never dropped stays for good."""
FIRST_FAILURES: Final = 10
ALWAYS: Final = ("minutes", "inference_sessions", "finals", "p50_s", LATENCY, "interims_per_s", "failures")


def soak(stack: LocalStack, load: LoadOptions, report: Report, json_file: Path | None, console: Console) -> None:
    """Adds a row every 30 s until the load is over. A KeyboardInterrupt leaves the rows so far."""
    listener, heard = Listener(Broker(stack.bootstrap_servers)), Heard(load.name)
    with ExitStack() as afterwards:
        afterwards.callback(listener.close)
        sending = afterwards.enter_context(LoadProcess(load))
        row_end_s = load.begin_s
        while sending.running:
            row_begin_s, row_end_s = row_end_s, row_end_s + ROW_S
            listener.until(row_end_s, heard)
            row = _row(stack, heard, row_begin_s, row_end_s) | {"minutes": (row_end_s - load.begin_s) / 60}
            report.rows.append(row)
            heard.forget_before(row_end_s)
            console.print("  ".join(f"{name} {row[name]:.4g}" for name in ALWAYS))
            _judge(report, int(load.seconds / ROW_S))
            report.figures["first_failures"] = heard.failures[:FIRST_FAILURES]
            if json_file is not None:
                report.write(json_file)
        outcome = sending.outcome()
        report.figures["sent"] = {
            "sessions": outcome.sessions,
            "abandoned": outcome.abandoned,
            "audio_s": outcome.audio_s,
            "late_p99_ms": 1000 * outcome.late_p99_s,
        }


def _row(stack: LocalStack, heard: Heard, begin_s: float, end_s: float) -> dict[str, Any]:
    finals = Distribution.of([final.after_endpoint_s for final in heard.finals_between(begin_s, end_s)])
    services = ports(stack)
    memory: dict[str, float] = {}
    for role, used in usage(stack).items():
        memory |= {f"{role}_mib": used.private_mib, f"{role}_resident_mib": used.resident_mib}
    return {
        "finals": finals.count,
        "p50_s": finals.p50,
        LATENCY: finals.p95,
        "interims_per_s": heard.interims_between(begin_s, end_s) / (end_s - begin_s),
        "failures": len(heard.failures),
        "ends": heard.ends,
        **{f"{role}_lag": lag(port) for role, port in services.items()},
        **{f"{role}_sessions": sessions(port) for role, port in services.items()},
        **memory,
    }


def _judge(report: Report, rows_under_load: int) -> None:
    """Fills in the verdict, as far as there are rows for one. A row behind the load is in no sixth of it, for all
    sessions end at once there; what failed in it counts.
    """
    rows, failures = report.rows[:rows_under_load], report.rows[-1]["failures"]
    if len(rows) < LEAST_ROWS:
        return
    judged = flatness(rows, [name for name in rows[-1] if name.endswith("_mib") and "resident" not in name])
    judged |= flatness(rows, [LATENCY], share=LATENCY_GROWTH, slack=LATENCY_SLACK_S)
    held = [name for name in rows[-1] if name.endswith("_sessions")]
    judged |= flatness(rows, held, share=SESSIONS_GROWTH, slack=SESSIONS_SLACK)
    flat = all(each.flat for each in judged.values())
    report.figures |= {"soak_flat": float(flat), "verdict": judged, "failures": failures}
    report.bars = [Bar("soak_flat", float(flat), 1), Bar("failures", failures, 0, at_least=False)]


def main() -> int:
    """Measures and prints; exit status 1 where anything grew, 2 where there are too few rows to judge."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=STREAMS, help="live sessions at once")
    options = parser.parse_args()
    console = Console(width=200)
    report = Report("soak", " ".join((__doc__ or "").split()), options.seed)
    with TemporaryDirectory(prefix="josefine-bench-") as folder, suppress(KeyboardInterrupt):
        tape, clips = Path(folder, "tape"), speech(options.audio)
        order = shuffled(clips, options.seed)
        record([next(order) for _ in clips], TAPE_S, tape)
        services = standard_services({"inference": ALL_LET_IN})
        with LocalStack(StackOptions.from_environment(services=services), console.print) as stack:
            load = LoadOptions(
                stack.bootstrap_servers,
                str(tape),
                f"soak-{time.time_ns()}",
                options.streams,
                time.time() + START_S,
                options.minutes * 60,
                RAMP_S,
                SHORTEST_S,
                LONGEST_S,
                ABANDONED,
                RECORDED_EVERY_S,
                seed=options.seed,
            )
            soak(stack, load, report, options.json, console)
    report.show(console, ALWAYS)
    if options.json is not None:
        report.write(options.json)
    if not report.bars:
        console.print(f"too short to judge: {LEAST_ROWS} rows of {ROW_S:.0f} s under load are needed")
        return 2
    return 0 if report.reached else 1


if __name__ == "__main__":
    sys.exit(main())
