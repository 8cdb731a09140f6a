"""How many live streams Josefine serves: real recordings, each a session, spoken in real time without a pause.

    python -m bench.live [--streams 4,8,16] [--duration-s 60] [--overload [--capacity N]] [--audio FOLDER] [--json FILE]

Every stream speaks recording after recording (drawn with a seed, another order for each, at most 30 s long, decoded
before, sent as linear16 in pieces of 0.2 s when a microphone would have had them), each as a session of its own, and
begins at a moment of its own. The streams are doubled until the 95th percentile from the end mark of a session to its
last final passes one second, then narrowed down to a tenth; all figures are of the time after the streams have begun
and settled. after_end_s: end mark sent -> last final arrived (where the last final was there before: -> END arrived).
after_words_s: end of the last word of an utterance that an endpoint closed inside a session -> its final arrived; this
has the endpoint's silence in it. interim_s: capture of the last audio that an interim has heard -> its arrival. A row
whose load was itself later than 50 ms at the 95th percentile counts as not served. Distributions are p50 / p95 / p99.
--overload measures 2 streams, the capacity and twice the capacity instead; sessions that are refused count as such.
"""

import argparse
import sys
import time
from typing import Any, Final

from rich.console import Console

from bench.peers.josefine import Josefine
from bench.report import Bar, Report, arguments, finish
from bench.streaming.audio import Spoken, all_spoken
from bench.streaming.measure import BOUND_S, Plan, measure
from bench.streaming.search import confirmed, most_within, search
from bench.streaming.system import System

FIRST: Final = 16
SHORT: Final = 1 / 3
"""Of the duration, for looks that only narrow the search."""
UNLOADED: Final = 2
COLUMNS: Final = (
    "streams",
    "sessions",
    "refused",
    "unheard",
    "after_end_s",
    "after_words_s",
    "interims_per_stream_s",
    "interim_s",
    "wer",
    "cores",
    "load_cores",
    "private_mib",
    "load_late_s",
    "within",
    "short",
)


class Measuring:
    """Measures one system, and says how it goes."""

    def __init__(self, system: System, recordings: list[Spoken], options: argparse.Namespace, console: Console) -> None:
        self._system, self._recordings, self._options, self._console = system, recordings, options, console

    def __call__(self, streams: int, short: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        window_s = self._options.duration_s * (SHORT if short else 1.0)
        plan = Plan(window_s, self._options.seed, until_decided=not self._options.overload)
        began_s = time.monotonic()
        row = {"system": self._system.name} | measure(self._system, self._recordings, streams, plan) | {"short": short}
        row["took_s"] = time.monotonic() - began_s
        self._console.print(line(row))
        return row

    def warm_up(self) -> None:
        """Lets the system do for the first time what it does first, which counts for nothing."""
        measure(self._system, self._recordings, UNLOADED, Plan(2.0, self._options.seed))


def line(row: dict[str, Any]) -> str:
    """Returns a row in few words."""
    after_end, wer = row["after_end_s"], row["wer"]
    rate = "none" if wer is None else f"{100 * wer:.1f} %"
    return (
        f"{row['system']}, {row['streams']} streams: end -> final p50 {after_end.p50:.2f} p95 {after_end.p95:.2f} s,"
        f" {row['interims_per_stream_s']:.2f} interims a stream and second, WER {rate}, {row['cores']:.2f} cores"
        f"{'' if row['within'] else ', not within the bound'}"
    )


def live(measured: Measuring, streams: list[int], report: Report) -> None:
    """Adds the rows and the figures of capacity."""
    report.rows = [measured(each) for each in streams] if streams else search(measured, FIRST)
    capacity = most_within(report.rows)
    report.figures["live_streams"] = capacity
    endpoints = [row["streams"] for row in report.rows if _endpoints_within(row)]
    report.figures["live_streams_endpoint"] = max(endpoints, default=0)
    if capacity:
        row = next(row for row in report.rows if row["streams"] == capacity and confirmed([row], capacity))
        hosts = {role: mib for role, mib in row["added_mib_per_stream"].items() if role != "inference child"}
        report.figures |= {
            "wer": row["wer"],
            "added_mib_per_stream": row["added_mib_per_stream"],
            "host_added_mib_per_stream": sum(hosts.values()),
        }
        report.bars = [Bar("host_added_mib_per_stream", sum(hosts.values()), 1.0, at_least=False)]


def overload(measured: Measuring, capacity: int, report: Report) -> None:
    """Adds the rows of no load, of as much as can be served, and of twice as much."""
    report.rows = [measured(streams) for streams in (UNLOADED, capacity, 2 * capacity)]
    unloaded, _, over = report.rows
    report.figures["capacity"] = capacity
    report.figures["overload_final_ratio"] = over["after_end_s"].p95 / unloaded["after_end_s"].p95
    report.figures["overload_refused"] = over["refused"]
    report.bars = [Bar("overload_final_ratio", report.figures["overload_final_ratio"], 2.0, at_least=False)]


def _endpoints_within(row: dict[str, Any]) -> bool:
    endpoints = row["after_words_s"]
    return bool(endpoints.count and endpoints.p95 <= BOUND_S and row["load_kept_up"])


def main() -> int:
    """Measures and prints; exit status 1 where a bar is missed."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--streams", default="", help="measure these numbers of streams instead of searching")
    parser.add_argument("--duration-s", type=float, default=60.0, help="measured time a row")
    parser.add_argument("--overload", action="store_true", help="measure what load beyond the capacity does")
    parser.add_argument("--capacity", type=int, default=0, help="for --overload; default: searched for")
    options = parser.parse_args()
    console = Console()
    report = Report("live", " ".join((__doc__ or "").split("\n\n")[2].split()), options.seed)
    recordings = all_spoken(options.audio)
    josefine = Josefine(console.print)
    try:
        josefine.start()
        measured = Measuring(josefine, recordings, options, console)
        measured.warm_up()
        if options.overload:
            overload(measured, options.capacity or most_within(search(measured, FIRST)), report)
        else:
            live(measured, [int(each) for each in options.streams.split(",") if each], report)
    finally:
        josefine.stop()
    return finish(report, options.json, COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
