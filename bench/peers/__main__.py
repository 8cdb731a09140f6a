"""Josefine and its peers: the same recordings, the same weights of tiny.en, the same machine, in one run.

    python -m bench.peers [--systems josefine,whisper-live] [--duration-s 20] [--offline-s 120] [--cache FOLDER]
                          [--audio FOLDER] [--json FILE]

Live: every system is searched for the most streams with at most one second at the 95th percentile from the end of a
session to its last final, as in bench.live (streams speak all the time, recordings drawn with the same seed, so that
stream 3 says the same to each). The systems take turns: each is started, warmed up, measured with one number of
streams and stopped, then the next one, until all are known within a tenth. Peers run as their own servers, in
environments of their own, and are spoken to in their own clients' protocol by the same load; a session of theirs
counts as final with the last change of its text. Offline: x real time and word error rate of the same recordings one
after another (Josefine: all at once, through the log). The word error rates of two systems are compared over the
recordings that both have heard in rows within the bound; of a system without any, in all of its rows. What cannot be
run is a row with the reason.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench.corpus import enough, speech
from bench.peers.compare import figures
from bench.peers.environments import default_cache
from bench.peers.offline import OFFLINE, hear_all, josefine_offline
from bench.peers.systems import DEFAULT, LIVE, NOT_RUN, OURS
from bench.peers.turns import Turn, take_turns
from bench.report import Bar, Report, arguments, finish
from bench.streaming.audio import all_spoken
from bench.streaming.measuring import COLUMNS, disturbed
from bench.streaming.system import SystemFailedError
from josefine_cli.manifest import ReferenceClip

PRECISION: Final = 1.15
TABLE: Final = (*COLUMNS, "x_real_time")


def offline(clips: Sequence[ReferenceClip], cache: Path, console: Console) -> list[dict[str, Any]]:
    """Returns the rows of whole recordings."""
    rows = []
    heard_by: dict[str, Callable[[], dict[str, Any]]] = {OURS: partial(josefine_offline, clips, console.print)}
    heard_by |= {peer.name: partial(hear_all, peer, clips, cache, console.print) for peer in OFFLINE}
    for name, heard in heard_by.items():
        try:
            rows.append(heard())
            console.print(f"{name}: {rows[-1]['x_real_time']:.0f} x real time, WER {100 * rows[-1]['wer']:.1f} %")
        except SystemFailedError as error:
            rows.append({"system": f"{name}, offline", "failed": str(error)})
            console.print(f"{name}: {error}", style="red")
    return rows


def main() -> int:
    """Measures and prints; exit status 1 where a bar is missed."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--systems", default=",".join(DEFAULT), help=f"live ones, of: {', '.join(LIVE)}; empty: none")
    parser.add_argument("--duration-s", type=float, default=20.0, help="measured time of a whole row")
    parser.add_argument("--precision", type=float, default=PRECISION, help="between served and too many")
    parser.add_argument("--offline-s", type=float, default=120.0, help="audio for whole recordings; 0: none")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where environments are kept")
    options = parser.parse_args()
    console = Console()
    report = Report("peers", " ".join((__doc__ or "").split("\n\n")[2].split()), options.seed)
    names = [name for name in options.systems.split(",") if name]
    turns = [Turn(LIVE[name].made(options.cache, console.print), LIVE[name].first, options.precision) for name in names]
    for turn in turns:
        console.print(f"{turn.system.name}: {turn.system.settings}", soft_wrap=True)
    take_turns(turns, all_spoken(options.audio), options, console, partial(report.keep, path=options.json))
    live = list(report.rows)
    clips = [clip for clip in speech(options.audio) if not clip.multichannel]
    chosen = enough(clips, options.offline_s, options.seed) if options.offline_s else []
    whole = offline(chosen, options.cache, console) if chosen else []
    report.rows = [*live, *whole, *({"system": name, "failed": reason} for name, reason in NOT_RUN.items())]
    for name, reason in NOT_RUN.items():
        console.print(f"{name}: not run: {reason}", soft_wrap=True)
    report.figures = figures(live, OURS) | {
        "settings": {turn.system.name: turn.system.settings for turn in turns}
        | {peer.name: peer.settings for peer in OFFLINE if chosen},
        "disturbed_rows": disturbed(live),
        "offline_x_real_time": {row["system"]: row["x_real_time"] for row in whole if "x_real_time" in row},
    }
    if "live_ratio" in report.figures:
        report.bars.append(Bar("live_ratio", report.figures["live_ratio"], 3.0))
    if report.figures.get("wer_difference_points") is not None:
        report.bars.append(Bar("wer_difference_points", report.figures["wer_difference_points"], 0.5, at_least=False))
    return finish(report, options.json, TABLE)


if __name__ == "__main__":
    sys.exit(main())
