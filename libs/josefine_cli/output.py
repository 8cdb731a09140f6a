"""The result of a recording as text, JSON, SubRip or WebVTT. Pure."""

import json
from enum import StrEnum
from typing import Any, Final

from josefine_client.results import SessionResult
from josefine_text.captions import captions, cues
from josefine_text.segments import (
    in_order,
    overall_sentiment,
    segments,
    timed_entities,
    timed_words,
    transcript_text,
)
from josefine_wire.positions import seconds
from josefine_wire.records import Transcript

DECIMALS: Final = 4


class Format(StrEnum):
    """What `transcribe` writes."""

    TEXT = "text"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"

    @property
    def suffix(self) -> str:
        """Ending of a file in this format."""
        return ".txt" if self is Format.TEXT else f".{self.value}"


def rendered(file: str, result: SessionResult, format_: Format) -> str:
    """Returns the result of `file`, with a line break at its end (nothing for an empty text)."""
    finals = in_order(result.finals())
    match format_:
        case Format.JSON:
            return json.dumps(document(file, result), ensure_ascii=False) + "\n"
        case Format.TEXT:
            return "".join(f"{line}\n" for line in _lines(result, finals))
        case Format.SRT | Format.VTT:
            words = sorted((word for final in finals for word in final["words"]), key=lambda word: word["start_sample"])
            return captions(cues(words), "srt" if format_ is Format.SRT else "vtt")


def document(file: str, result: SessionResult) -> dict[str, Any]:
    """Returns the JSON object of a recording: times in seconds from its begin, all channels merged by time.

    `channels` holds each channel by itself where there is more than one.
    """
    finals = in_order(result.finals())
    understood = result.understanding()
    shown: dict[str, Any] = {
        "file": file,
        "session_id": result.session_id,
        "duration_s": _seconds(result.length_samples),
        **_said(result, finals),
        "redacted_transcript": _redacted(result, finals),
        "entities": timed_entities(understood),
        "sentiment": overall_sentiment(understood),
        "gaps": [
            {
                "channel": found.channel,
                "start": _seconds(found.gap["start_sample"]),
                "duration": _seconds(found.gap["samples"]),
                "reason": found.gap["reason"],
            }
            for found in result.gaps()
        ],
        "error": result.error,
    }
    if (result.channels or 1) > 1:
        shown["channels"] = [
            {"channel": channel, **_said(result, result.finals(channel))} for channel in range(result.channels or 0)
        ]
    return shown


def _said(result: SessionResult, finals: list[Transcript]) -> dict[str, Any]:
    """Returns words and segments of finals; a segment has what nlu said of it."""
    shown = []
    for segment in segments(finals):
        final = next(f for f in finals if (f["channel"], f["segment"]) == (segment["channel"], segment["segment"]))
        understood = result.understanding_of(final)
        shown.append(
            {
                **segment,
                "redacted_text": understood["redacted_text"] if understood else None,
                "sentiment": understood["sentiment"] if understood else None,
            }
        )
    return {"transcript": transcript_text(finals), "words": timed_words(finals), "segments": shown}


def _redacted(result: SessionResult, finals: list[Transcript]) -> str | None:
    """Returns the transcript without personal information; None where nlu did not say all of it."""
    spoken = [final for final in finals if final["text"].strip()]
    texts = [understood["redacted_text"] for final in spoken if (understood := result.understanding_of(final))]
    return " ".join(texts) if len(texts) == len(spoken) else None


def _lines(result: SessionResult, finals: list[Transcript]) -> list[str]:
    """Returns the transcript on one line, or with channels apart where there are several."""
    if (result.channels or 1) == 1:
        text = transcript_text(finals)
        return [text] if text else []
    return [f"[channel {final['channel']}] {final['text'].strip()}" for final in finals if final["text"].strip()]


def _seconds(position_samples: int) -> float:
    return round(seconds(position_samples), DECIMALS)
