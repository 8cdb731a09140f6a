"""openai-whisper, one recording after another."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import whisper  # type: ignore[import-not-found]


def hearer(job: dict[str, Any]) -> Callable[[Any], str]:
    """Returns what hears float samples: greedy, in the float32 that it takes on a CPU."""
    torch.set_num_threads(job["threads"])
    model = whisper.load_model(job["model"], device="cpu")
    return lambda samples: str(whisper.transcribe(model, samples, language="en", fp16=False)["text"])


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
