"""A session's records from the topics as the events that the gateway would give. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from josefine_client.collector import DeadLetterEvent, TranscriptEvent, UnderstandingEvent
from josefine_client.collector import Event as LogEvent
from josefine_client.live.events import Complaint, Event, Interim, LiveWord
from josefine_client.live.events import Final as FinalEvent
from josefine_wire.records import Transcript, Word

SAMPLE_RATE_HZ: Final = 16_000
"""Of all positions in the log."""


class LogEvents:
    """Numbers a session's events as the gateway does. One thread."""

    def __init__(self) -> None:
        self._last: Counter[int] = Counter()

    def event_of(self, event: LogEvent) -> Event | None:
        """Returns what is to be told of a new record: nothing of a channel's END and of understanding."""
        match event:
            case TranscriptEvent(record=record):
                return self._transcript(record)
            case DeadLetterEvent(record=letter):
                return Complaint(letter["code"], f"refused by {letter['stage']}: {letter['reason']}")
            case UnderstandingEvent():
                return None

    def _transcript(self, record: Transcript) -> Event | None:
        channel = record["channel"]
        match record["kind"]:
            case "INTERIM":
                return Interim(**_heard(record), sequence_id=self._last[channel])
            case "FINAL":
                self._last[channel] = record["segment"] + 1
                return FinalEvent(
                    **_heard(record), sequence_id=self._last[channel], speech_final=record["speech_final"]
                )
            case "END" | "FLUSHED":
                return None


def _heard(record: Transcript) -> Mapping[str, Any]:
    return {
        "channel": record["channel"],
        "text": record["text"],
        "words": tuple(_word(word) for word in record["words"]),
        "start_s": record["start_sample"] / SAMPLE_RATE_HZ,
        "end_s": record["end_sample"] / SAMPLE_RATE_HZ,
        "confidence": record["confidence"],
    }


def _word(word: Word) -> LiveWord:
    times_s = word["start_sample"] / SAMPLE_RATE_HZ, word["end_sample"] / SAMPLE_RATE_HZ
    return LiveWord(word["word"], word["punctuated_word"], *times_s, word["confidence"])
