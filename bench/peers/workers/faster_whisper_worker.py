"""faster-whisper, one recording after another, or its batched pipeline."""

from collections.abc import Callable
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel  # type: ignore[import-untyped]
from hear_job import hear_job  # type: ignore[import-not-found]


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


if __name__ == "__main__":
    hear_job(hearer)
