"""moonshine-voice, one recording after another, with the tiny model that its package has."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from moonshine_voice import ModelArch, Transcriber, get_model_path  # type: ignore[import-not-found]


def hearer(job: dict[str, Any]) -> Callable[[Any], str]:  # noqa: ARG001 - it has no choices
    """Returns what hears float samples."""
    transcriber = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY)

    def heard(samples: Any) -> str:
        lines = transcriber.transcribe_without_streaming(samples.tolist(), 16_000).lines
        return " ".join(line.text.strip() for line in lines)

    return heard


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
