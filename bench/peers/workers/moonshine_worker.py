"""moonshine-voice, one recording after another, with the tiny model that its package has."""

from collections.abc import Callable
from typing import Any

from hear_job import hear_job  # type: ignore[import-not-found]
from moonshine_voice import ModelArch, Transcriber, get_model_path  # type: ignore[import-not-found]


def hearer(job: dict[str, Any]) -> Callable[[Any], str]:  # noqa: ARG001 - it has no choices
    """Returns what hears float samples."""
    transcriber = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY)

    def heard(samples: Any) -> str:
        lines = transcriber.transcribe_without_streaming(samples.tolist(), 16_000).lines
        return " ".join(line.text.strip() for line in lines)

    return heard


if __name__ == "__main__":
    hear_job(hearer)
