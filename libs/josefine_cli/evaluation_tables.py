"""An evaluation as tables for people and as JSON for programs. Pure."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.table import Table

from josefine_cli.bars import COUNTED_KINDS, PlayMode
from josefine_cli.quantiles import quantile
from josefine_cli.scoring import ClipScore, PooledScore, pooled_score


def score_table(mode: PlayMode, scores: Sequence[ClipScore]) -> Table:
    """Returns a row a kind, and one for all kinds that count."""
    table = Table(title=f"{mode}: words through the whole stack", title_justify="left")
    table.add_column("kind")
    for name in ("files", "words", "heard", "errors", "WER %", "reference %", "difference", "times: median ms"):
        table.add_column(name, justify="right")
    kinds = sorted({score.clip.kind for score in scores}, key=lambda kind: (kind not in COUNTED_KINDS, kind))
    for kind in kinds:
        of_kind = [score for score in scores if score.clip.kind == kind]
        table.add_row(kind, *_cells(pooled_score(of_kind)), _median_ms(of_kind))
    counted = [score for score in scores if score.clip.kind in COUNTED_KINDS]
    if counted:
        table.add_section()
        table.add_row("pooled: " + ", ".join(COUNTED_KINDS), *_cells(pooled_score(counted)), _median_ms(counted))
    return table


def latency_line(scores: Sequence[ClipScore]) -> str | None:
    """Returns when finals came, in one line; None where nothing was paced."""
    waits_s = [wait for score in scores for wait in score.latencies_s]
    speech_s = [wait for score in scores for wait in score.speech_latencies_s]
    if not waits_s:
        return None
    return (
        f"{len(waits_s)} finals came {_spread(waits_s)} after the audio that they waited for; {len(speech_s)} of them, "
        f"which an endpoint closed, {_spread(speech_s)} after the end of their last word, its silence included"
    )


def as_json(scores: Mapping[PlayMode, Sequence[ClipScore]]) -> list[dict[str, Any]]:
    """Returns one object a clip and mode."""
    return [
        {
            "mode": mode,
            "file": score.clip.name,
            "kind": score.clip.kind,
            "reference": list(score.clip.channel_texts),
            "hypothesis": list(score.hypotheses),
            "words": score.errors.reference_words,
            "substitutions": score.errors.substitutions,
            "deletions": score.errors.deletions,
            "insertions": score.errors.insertions,
            "wer": round(score.errors.rate, 4),
            "reference_wer": score.clip.reference_rate,
            "failure": score.failure,
            "time_errors_s": [round(error, 3) for error in score.time_errors_s],
            "time_faults": score.time_faults,
            "latencies_s": [round(wait, 3) for wait in score.latencies_s],
            "speech_latencies_s": [round(wait, 3) for wait in score.speech_latencies_s],
        }
        for mode, of_mode in scores.items()
        for score in of_mode
    ]


def _cells(score: PooledScore) -> list[str]:
    reference = "" if score.reference_rate is None else f"{100 * score.reference_rate:.2f}"
    difference = "" if score.difference_points is None else f"{score.difference_points:+.2f}"
    rate = f"{100 * score.errors.rate:.2f}" if score.errors.reference_words else ""
    counts = (score.files, score.errors.reference_words, score.hypothesis_words, score.errors.errors)
    return [*map(str, counts), rate, reference, difference]


def _median_ms(scores: Sequence[ClipScore]) -> str:
    errors_s = [abs(error) for score in scores for error in score.time_errors_s]
    return f"{1000 * median(errors_s):.0f}" if errors_s else ""


def _spread(values_s: Sequence[float]) -> str:
    half, most = quantile(values_s, 0.5), quantile(values_s, 0.95)
    return f"p50 {1000 * (half or 0):.0f} ms, p95 {1000 * (most or 0):.0f} ms"
