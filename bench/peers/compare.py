"""What the rows of several systems say about each other. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.streaming.measure import BOUND_S
from bench.streaming.search import most_within
from josefine_text.wer import WordErrors


def figures(rows: Sequence[dict[str, Any]], ours: str) -> dict[str, Any]:
    """Returns the live streams of each system, ours over the best other one, and the difference of word error rates."""
    measured = [row for row in rows if "failed" not in row]
    names = list(dict.fromkeys(row["system"] for row in measured))
    best = {name: most_within([row for row in measured if row["system"] == name]) for name in names}
    streams = {name: row["streams"] if row else 0 for name, row in best.items()}
    found: dict[str, Any] = {
        "live_streams_by_system": streams,
        "streams_with_median_within_by_system": {name: _median_within(measured, name) for name in names},
    }
    others = {name: count for name, count in streams.items() if name != ours}
    if ours not in streams or not others:
        return found
    peer = max(others, key=lambda name: others[name])
    points, words = difference_points(measured, ours, peer)
    return found | {
        "live_streams": streams[ours],
        "best_peer": peer,
        "best_peer_live_streams": others[peer],
        # Where no peer serves a single stream in time, ours are compared with one.
        "live_ratio": streams[ours] / max(others[peer], 1),
        "wer_difference_points": points,
        "wer_difference_words": words,
    }


def _median_within(rows: Sequence[dict[str, Any]], system: str) -> int:
    """Returns the most streams of any row whose median is within the bound: what a system does that misses it often."""
    return max(
        (row["streams"] for row in rows if row["system"] == system and row["after_end_s"].p50 <= BOUND_S), default=0
    )


def difference_points(rows: Sequence[dict[str, Any]], ours: str, peer: str) -> tuple[float | None, int]:
    """Returns our word error rate less the peer's over recordings that both have heard, in percentage points, and the
    words in them: in rows within the bound; of a system that has none, in all. A recording weighs the same for both,
    however often each has heard it.
    """
    first, second = _heard(rows, ours), _heard(rows, peer)
    common = first.keys() & second.keys()
    words = sum(first[name].words for name in common)
    if not words:
        return None, 0
    return 100 * sum(first[name].errors - second[name].errors for name in common) / words, round(words)


@dataclass(frozen=True, slots=True)
class _Mean:
    """Of a recording, each time that it was heard."""

    words: float
    errors: float


def _heard(rows: Sequence[dict[str, Any]], system: str) -> dict[str, _Mean]:
    times: dict[str, list[WordErrors]] = defaultdict(list)
    own = [row for row in rows if row["system"] == system]
    for row in [row for row in own if row["within"]] or own:
        for name, errors in row["errors_by_recording"]:
            times[name].append(errors)
    return {
        name: _Mean(each[0].reference_words, sum(errors.errors for errors in each) / len(each))
        for name, each in times.items()
    }
