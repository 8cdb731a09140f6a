"""What every worker does with its job. Of the standard library and numpy alone: each peer's environment has these."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def hear_job(hearer: Callable[[dict[str, Any]], Callable[[Any], str]]) -> None:
    """Hears all recordings of the job that the command line names; `hearer` takes the job, and returns what hears
    float samples.
    """
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
