"""The bare model loop: features are there, batches go through the engine one after another, nothing else runs.

    python -m bench.roofline [--model tiny.en] [--dtypes int8,bfloat16,float32] [--batches 1,8,32] [--windows 5,10,30]

Speech is cut into windows of one length. Every variant decodes the same audio; variants take turns, round by round, so
that a change of the machine's mood touches all of them. With `--final` word times and the fallback are asked for, as
the pipeline's finals do; without, it is encoder and greedy decoder alone. Audio seconds a second, by dtype, batch and
window, on the CPU and on CUDA where there is one.
"""

import statistics
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench.bare import bare_model, decode_all
from bench.corpus import enough, speech
from bench.report import Report, arguments, finish
from bench.sound import log_mels
from josefine_inference.child import Loaded
from josefine_inference.messages import Batch, Work
from josefine_wire.positions import HOP_SAMPLES, SAMPLE_RATE_HZ

HOPS_PER_S = SAMPLE_RATE_HZ // HOP_SAMPLES


class Variant(NamedTuple):
    """One column of the question."""

    device: str
    dtype: str
    batch: int
    window_s: float


def cut(mels: Sequence[NDArray[np.float16]], window_s: float) -> list[NDArray[np.float16]]:
    """Returns whole windows of one length; what is left at the end of a recording is dropped."""
    hops = round(window_s * HOPS_PER_S)
    return [mel[start : start + hops] for mel in mels for start in range(0, len(mel) - hops + 1, hops)]


def work(windows: Sequence[NDArray[np.float16]], batch: int, *, final: bool) -> list[Batch]:
    """Returns the windows in batches."""
    each = [Work(number, mel, word_times=final, fallback=final) for number, mel in enumerate(windows)]
    return [Batch("", "en", tuple(each[at : at + batch])) for at in range(0, len(each), batch)]


def devices() -> list[str]:
    """Returns the kinds of device that this machine's torch has."""
    import torch  # noqa: PLC0415 - after bare_model has set its environment

    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def variants(options: "Options", found: Sequence[str]) -> Iterator[Variant]:
    """Yields what is asked for and makes sense."""
    for device in found:
        dtypes = options.dtypes if device == "cpu" else ["float16", "bfloat16"]
        for dtype in dtypes:
            for window_s in options.windows:
                for batch in options.batches:
                    yield Variant(device, dtype, batch, window_s)


class Options(NamedTuple):
    """What is asked for."""

    dtypes: list[str]
    batches: list[int]
    windows: list[float]


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--dtypes", default="int8,bfloat16,float32", help="of the CPU")
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--windows", default="5,10,30", help="seconds")
    parser.add_argument("--audio-s", type=float, default=180.0, help="audio that each variant decodes in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--final", action="store_true", help="with word times and fallback")
    given = parser.parse_args()
    options = Options(
        given.dtypes.split(","),
        [int(n) for n in given.batches.split(",")],
        [float(s) for s in given.windows.split(",")],
    )
    clips = enough([c for c in speech(given.audio) if c.duration_s >= max(options.windows)], given.audio_s, given.seed)
    mels = log_mels([clip.path for clip in clips])
    models: dict[tuple[str, str], Loaded] = {}
    times: dict[Variant, list[tuple[float, float]]] = {}
    audio: dict[float, list[NDArray[np.float16]]] = {window_s: cut(mels, window_s) for window_s in options.windows}
    first = bare_model(given.model, dtype=options.dtypes[0], threads=given.threads)
    models[first.device, options.dtypes[0]] = first
    console = Console()
    for number in range(given.rounds + 1):
        for each in variants(options, devices()):
            if (each.device, each.dtype) not in models:
                models[each.device, each.dtype] = bare_model(
                    given.model, dtype=each.dtype, device=each.device, threads=given.threads
                )
            windows = audio[each.window_s]
            batches = work(windows, each.batch, final=given.final)
            taken = decode_all(models[each.device, each.dtype], batches if number else batches[:1])
            if number:  # the first round only warms up
                times.setdefault(each, []).append(taken)
        console.print(f"round {number} of {given.rounds} is done")
    report = Report("roofline", " ".join((__doc__ or "").split()), given.seed)
    for each, taken_s in times.items():
        audio_s = len(audio[each.window_s]) * each.window_s
        wall_s, cpu_s = (statistics.median(column) for column in zip(*taken_s, strict=True))
        report.rows.append(
            each._asdict() | {"audio_s_per_s": audio_s / wall_s, "cpu_ms_per_audio_s": 1000 * cpu_s / audio_s}
        )
    best = max(report.rows, key=lambda row: float(row["audio_s_per_s"]))
    report.figures = {"best_audio_s_per_s": best["audio_s_per_s"], "best": best, "final": given.final}
    return finish(report, given.json)


if __name__ == "__main__":
    sys.exit(main())
