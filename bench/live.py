"""How many live streams Josefine serves: real recordings, each a session, spoken in real time without a pause.

    python -m bench.live [--streams 4,8,16] [--duration-s 60] [--overload [--capacity N]] [--audio FOLDER] [--json FILE]

Every stream speaks recording after recording (drawn with a seed, another order for each, at most 30 s long, decoded
before, sent as linear16 in pieces of 0.2 s when a microphone would have had them), each as a session of its own, and
begins at a moment of its own. The streams are doubled until the 95th percentile from the end mark of a session to its
last final passes one second, then narrowed down to a tenth; all figures are of the time after the streams have begun
and settled. after_end_s: end mark sent -> last final arrived (where the last final was there before: -> END arrived).
after_words_s: end of the last word of an utterance that an endpoint closed inside a session -> its final arrived; this
has the endpoint's silence in it. interim_s: capture of the last audio that an interim has heard -> its arrival. A row
whose load was itself later than 50 ms at the 95th percentile counts as not served; disturbed_rows were measured while
other programs took more than 0.15 cores, and are to be measured again. Distributions are p50 / p95 / p99.
In the search all sessions are let in. --overload measures 2 streams, the capacity and twice the capacity instead, with
the engine's own admission: sessions that are refused are counted by their code, and left out of latency.
"""

import sys
from dataclasses import replace
from functools import partial
from typing import Any, Final

from rich.console import Console

from bench.peers.josefine import Josefine
from bench.report import Bar, Report, arguments, finish
from bench.streaming.audio import all_spoken
from bench.streaming.measure import BOUND_S
from bench.streaming.measuring import COLUMNS, Measuring, disturbed
from bench.streaming.search import Ask, most_within, run, search
from bench.streaming.system import SystemFailedError
from bench.usage import CHILD

FIRST: Final = 16
UNLOADED: Final = 2
UNLOADED_TIMES: Final = 4
"""How much longer the row of no load is measured: two streams have some 20 sessions in a minute, whose 95th percentile
is the slowest but one.
"""


def live(measured: Measuring, streams: list[int], report: Report) -> None:
    """Adds the rows and the figures of capacity."""
    if streams:
        for each in streams:
            measured(Ask(each, short=False))
    else:
        run(search(FIRST), measured)
    best = most_within(report.rows)
    endpoints = [row["streams"] for row in report.rows if _endpoints_within(row)]
    report.figures = {
        "live_streams": best["streams"] if best else 0,
        "live_streams_endpoint": max(endpoints, default=0),
        "disturbed_rows": disturbed(report.rows),
    }
    if best:
        report.figures |= {"wer": best["wer"], "interims_per_stream_s": best["interims_per_stream_s"]}
    # What processes take once, whoever speaks, weighs least where most do.
    added = max(report.rows, key=lambda row: int(row["streams"]))["added_mib_per_stream"]
    hosts = sum(mib for role, mib in added.items() if role != CHILD)
    report.figures |= {"added_mib_per_stream": added, "host_added_mib_per_stream": hosts}
    report.bars = [Bar("host_added_mib_per_stream", hosts, 1.0, at_least=False)]


def overload(measured: Measuring, josefine: Josefine, capacity: int, report: Report) -> None:
    """Adds the rows of no load, of as much as can be served, and of twice as much."""
    longer = replace(measured, duration_s=UNLOADED_TIMES * measured.duration_s)
    unloaded = longer(Ask(UNLOADED, short=False))
    capacity = capacity or josefine.stated_capacity()
    if not capacity:
        raise SystemFailedError("the engine does not know its capacity yet: say --capacity")
    measured(Ask(capacity, short=False))
    over = measured(Ask(2 * capacity, short=False))
    ratio = over["after_end_s"].p95 / unloaded["after_end_s"].p95
    report.figures = {
        "capacity": capacity,
        "stated_capacity": josefine.stated_capacity(),
        "overload_final_ratio": ratio,
        "overload_refused": over["refused"],
        "overload_sessions": over["sessions"],
        "disturbed_rows": disturbed(report.rows),
    }
    report.bars = [Bar("overload_final_ratio", ratio, 2.0, at_least=False)]


def _endpoints_within(row: dict[str, Any]) -> bool:
    endpoints = row["after_words_s"]
    return bool(endpoints.count and endpoints.p95 <= BOUND_S and row["load_kept_up"])


def main() -> int:
    """Measures and prints; exit status 1 where a bar is missed."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--streams", default="", help="measure these numbers of streams instead of searching")
    parser.add_argument("--duration-s", type=float, default=60.0, help="measured time a row")
    parser.add_argument("--overload", action="store_true", help="measure what load beyond the capacity does")
    parser.add_argument("--capacity", type=int, default=0, help="for --overload; default: what the engine says")
    options = parser.parse_args()
    console = Console()
    report = Report("live", " ".join((__doc__ or "").split("\n\n")[2].split()), options.seed)
    recordings = all_spoken(options.audio)
    josefine = Josefine(console.print, admission=options.overload)
    try:
        josefine.start()
        keep = partial(report.keep, path=options.json)
        measured = Measuring(josefine, recordings, options.duration_s, options.seed, console, keep)
        measured.warm_up()
        if options.overload:
            overload(replace(measured, until_decided=False), josefine, options.capacity, report)
        else:
            live(measured, [int(each) for each in options.streams.split(",") if each], report)
    finally:
        josefine.stop()
    return finish(report, options.json, COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
