"""faster-whisper, one recording after another, or its batched pipeline."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel  # type: ignore[import-untyped]


def hearer(job: dict[str, Any]) -> Callable[[Any], str]:
    """Returns what hears float samples."""
    model = WhisperModel(job["model"], device="cpu", compute_type=job["compute_type"], cpu_threads=job["threads"])
    options: dict[str, Any] = {"language": "en", "beam_size": 1}
    if job["batch"]:
        pipeline = BatchedInferencePipeline(model=model)
        return lambda samples: _text(pipeline.transcribe(samples, batch_size=job["batch"], **options)[0])
    return lambda samples: _text(model.transcribe(samples, **options)[0])


def _text(segments: Any) -> str:
    return " ".join(segment.text.strip() for segment in segments)


def main() -> None:
    """Hears all recordings of the job."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    hear = hearer(job)
    sounds = [np.fromfile(path, np.int16).astype(np.float32) / 32768 for path in job["recordings"]]
    hear(sounds[0])
    began_s, cpu_s = time.perf_counter(), time.process_time()
    texts = [hear(sound) for sound in sounds]
    spent = {"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - cpu_s}
    for text in texts:
        print(json.dumps({"text": text}))
    print(json.dumps(spent), flush=True)
    # Stays until it is told to end, so that its memory can be read.
    sys.stdin.read()


if __name__ == "__main__":
    main()
