"""Recorded speech through the whole stack, over the bare model loop with the same windows.

    python -m bench.pipeline [--quick] [--audio FOLDER] [--json FILE]

Rounds alternate: the stack transcribes the recordings as fast as it can (all are sent at once, as containers; a round
ends with the last transcript and the last understanding), then the bare loop decodes the windows that the stack cut,
read back from its log, while the stack idles. Audio seconds of both are the recordings' own length. Figures are the
medians of the rounds: CPU per second of audio of each process, memory, and two ratios. roofline_ratio: over one bare
loop with all cores, as bench.roofline has it. devices_ratio: over as many bare loops as the service has devices, with
its share of the cores each, which on a CPU leave nothing to the rest of the stack.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import closing

from rich.console import Console

from bench.bare import BareLoops, bare_model, batches, decode_all, default_limits, feature_frames
from bench.corpus import enough, speech
from bench.report import Bar, Report, arguments, finish
from bench.usage import Usage, cpu_between, host_cpu_s, usage
from josefine_cli.manifest import ReferenceClip
from josefine_cli.recordings import recording
from josefine_client.collector import Collector
from josefine_client.player import Finished, Player, PlayOptions
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker
from josefine_local.options import StackOptions
from josefine_local.stack import LocalStack
from josefine_stage.ports import RawRecord
from josefine_wire.records import session_config

ROUNDS = 3
QUICK_S, FULL_S = 600.0, 2400.0
IN_FLIGHT = 32
"""Sessions at once: enough that batches are full, few enough that a round has a short tail."""


class FailedError(Exception):
    """A session did not come out: nothing that was measured means anything."""


def play(broker: Broker, clips: Sequence[ReferenceClip]) -> float:
    """Sends the clips and returns the seconds until everything has been said of them."""
    jobs = [recording(clip.path, session_config("RECORDED"), None) for clip in clips]
    with Publisher.connect(broker) as publisher, Collector.connect(broker) as collector:
        started_s = time.perf_counter()
        with closing(Player(publisher, collector, PlayOptions(in_flight=IN_FLIGHT)).play(jobs)) as events:
            for event in events:
                if isinstance(event, Finished) and (event.failure or event.result.error):
                    raise FailedError(event.failure or str(event.result.error))
        return time.perf_counter() - started_s


def newest(records: Sequence[RawRecord], before: Sequence[RawRecord]) -> list[RawRecord]:
    """Returns the records that were not there before."""
    known = {(record.source, record.offset) for record in before}
    return [record for record in records if (record.source, record.offset) not in known]


def measure(
    stack: LocalStack, loops: BareLoops, clips: Sequence[ReferenceClip], rounds: int, report: Report, console: Console
) -> None:
    """Adds a row a round, and the figures."""
    broker = Broker(stack.bootstrap_servers)
    audio_s = sum(clip.duration_s for clip in clips)
    loaded = bare_model("tiny.en")
    play(broker, clips[: max(len(clips) // 8, 1)])
    seen = feature_frames(broker)
    work = batches(seen, default_limits())
    decode_all(loaded, work)
    loops.decode_all(work)
    idle = usage(stack)
    work = []
    for number in range(1, rounds + 1):
        before = usage(stack)
        stack_s = play(broker, clips)
        spent = cpu_between(before, usage(stack))
        if not work:
            work = batches(newest(feature_frames(broker), seen), default_limits())
        bare_s, bare_cpu_s = decode_all(loaded, work)
        loops_s = loops.decode_all(work)
        row = {
            "round": number,
            "stack_x": audio_s / stack_s,
            "bare_x": audio_s / bare_s,
            "ratio": bare_s / stack_s,
            "loops_x": audio_s / loops_s,
            "devices_ratio": loops_s / stack_s,
            "host_cpu_ms": 1000 * host_cpu_s(spent) / audio_s,
            "bare_cpu_ms": 1000 * bare_cpu_s / audio_s,
        }
        row |= {f"{role}_ms": 1000 * seconds / audio_s for role, seconds in sorted(spent.items())}
        report.rows.append(row)
        console.print(
            f"round {number}: stack {row['stack_x']:.0f} x real time, "
            f"bare loop {row['bare_x']:.0f} x, {len(loops.places)} loops {row['loops_x']:.0f} x"
        )
    _figures(report, audio_s, len(work), idle, usage(stack))


def _figures(
    report: Report, audio_s: float, bare_batches: int, idle: dict[str, Usage], after: dict[str, Usage]
) -> None:
    medians = {key: statistics.median(row[key] for row in report.rows) for key in report.rows[0] if key != "round"}
    report.figures = {
        "audio_s": audio_s,
        "bare_batches": bare_batches,
        "roofline_ratio": medians["ratio"],
        "devices_ratio": medians["devices_ratio"],
        "host_cpu_ms_per_audio_s": medians["host_cpu_ms"],
        "cpu_ms_per_audio_s": {key.removesuffix("_ms"): value for key, value in medians.items() if key.endswith("_ms")},
        "audio_s_per_s": {"stack": medians["stack_x"], "bare": medians["bare_x"], "loops": medians["loops_x"]},
        "memory_mib": {
            role: {"idle": idle[role].private_mib, "after": each.private_mib}
            for role, each in after.items()
            if role in idle
        },
    }
    report.bars = [
        Bar("roofline_ratio", medians["ratio"], 0.90),
        Bar("host_cpu_ms_per_audio_s", medians["host_cpu_ms"], 2.0, at_least=False),
    ]


def main() -> int:
    """Measures and prints; exit status 1 where a bar is missed."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--quick", action="store_true", help="ten minutes of audio a round instead of forty")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    console = Console()
    clips = enough(speech(options.audio), QUICK_S if options.quick else FULL_S, options.seed)
    report = Report("pipeline", " ".join((__doc__ or "").split("\n\n")[2].split()), options.seed)
    with (
        closing(BareLoops("tiny.en")) as loops,
        LocalStack(StackOptions.from_environment(), progress=console.print) as stack,
    ):
        measure(stack, loops, clips, options.rounds, report, console)
    columns = [
        "round",
        "stack_x",
        "bare_x",
        "ratio",
        "loops_x",
        "devices_ratio",
        "host_cpu_ms",
        *(k for k in report.rows[0] if k.endswith("_ms")),
    ]
    return finish(report, options.json, list(dict.fromkeys(columns)))


if __name__ == "__main__":
    sys.exit(main())
