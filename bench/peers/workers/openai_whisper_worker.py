"""openai-whisper, one recording after another."""

from collections.abc import Callable
from typing import Any

import torch
import whisper  # type: ignore[import-not-found]
from hear_job import hear_job  # type: ignore[import-not-found]


def hearer(job: dict[str, Any]) -> Callable[[Any], str]:
    """Returns what hears float samples: greedy, in the float32 that it takes on a CPU."""
    torch.set_num_threads(job["threads"])
    model = whisper.load_model(job["model"], device="cpu")
    return lambda samples: str(whisper.transcribe(model, samples, language="en", fp16=False)["text"])


if __name__ == "__main__":
    hear_job(hearer)
