"""Answers of OpenAI's POST /v1/audio/transcriptions."""

import math
import zlib
from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

from josefine_client.results import SessionResult
from josefine_gateway.shape.recorded import felt_finals
from josefine_gateway.shape.wording import Wording
from josefine_gateway.shape.words import Shaped, text_of
from josefine_gateway.shape.written import Written, at_seconds
from josefine_text.captions import CaptionFormat, captions, cues
from josefine_wire.positions import HOP_SAMPLES
from josefine_wire.records import Word

Granularity = Literal["word", "segment"]
_SEGMENTS: Final[tuple[Granularity, ...]] = ("segment",)
_WORDING: Final = Wording(punctuated=True)
_LEAST_CONFIDENCE: Final = 1e-6
"""Log probabilities of less are no news, and JSON has no infinity."""
_LANGUAGES: Final = {"en": "english"}
"""OpenAI answers with names; a language without one here keeps its code."""


def text(result: SessionResult) -> str:
    """Returns the transcript of a session's first channel."""
    return text_of(_words(_finals(result)), punctuated=True)


def text_document(result: SessionResult) -> str:
    """Returns the body for response_format=text."""
    return text(result) + "\n"


def json_document(result: SessionResult) -> dict[str, Any]:
    """Returns the body for response_format=json."""
    return {"text": text(result), "usage": _usage(result)}


def caption_document(result: SessionResult, format_: CaptionFormat) -> str:
    """Returns the body for response_format=srt and vtt."""
    return captions(cues(_record_word(word) for word in _words(_finals(result))), format_)


def verbose_document(
    result: SessionResult, language: str, granularities: Collection[Granularity] = _SEGMENTS
) -> dict[str, Any]:
    """Returns the body for response_format=verbose_json; segments are the finals.

    `tokens` is empty and `no_speech_prob` 0: transcripts carry neither, and a final holds speech.
    """
    finals = _finals(result)
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": _LANGUAGES.get(language.partition("-")[0].lower(), language),
        "duration": _duration_s(result),
        "text": text(result),
        "usage": _usage(result),
    }
    if "segment" in granularities:
        body["segments"] = [_segment(number, final) for number, final in enumerate(finals)]
    if "word" in granularities:
        body["words"] = [_word(word) for word in _words(finals)]
    return body


def _finals(result: SessionResult) -> list[Shaped]:
    return [shaped for each in felt_finals(result, 0, _WORDING) if (shaped := each.shaped).written]


def _words(finals: Sequence[Shaped]) -> list[Written]:
    return [word for final in finals for word in final.written]


def _segment(number: int, final: Shaped) -> dict[str, Any]:
    written = final.transcript.encode()
    return {
        "id": number,
        "seek": _seek(final.written[0].start_sample),
        "start": at_seconds(final.written[0].start_sample),
        "end": at_seconds(final.written[-1].end_sample),
        "text": " " + final.transcript,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(max(final.confidence, _LEAST_CONFIDENCE)), 4),
        "compression_ratio": round(len(written) / len(zlib.compress(written)), 4),
        "no_speech_prob": 0.0,
    }


def _seek(position_samples: int) -> int:
    """Returns a position in mel hops of 10 ms, as Whisper seeks."""
    return position_samples // HOP_SAMPLES


def _word(word: Written) -> dict[str, Any]:
    return {"word": word.text, "start": at_seconds(word.start_sample), "end": at_seconds(word.end_sample)}


def _record_word(word: Written) -> Word:
    return Word(
        word=word.bare,
        punctuated_word=word.text,
        start_sample=word.start_sample,
        end_sample=word.end_sample,
        confidence=word.confidence,
    )


def _usage(result: SessionResult) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(_duration_s(result))}


def _duration_s(result: SessionResult) -> float:
    return at_seconds(result.length_samples)
