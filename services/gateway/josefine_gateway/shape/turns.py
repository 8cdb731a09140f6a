"""Messages of WS /v2/listen: turns of a conversation, heard from the records of one channel.

Source: section 5 of the protocol. A turn starts with its first words and ends with the final that ends at silence;
finals that end at the length limit are parts of a turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from josefine_gateway.shape.turn_confidence import end_of_turn_confidence
from josefine_gateway.shape.wording import Wording
from josefine_gateway.shape.words import Shaped, text_of
from josefine_gateway.shape.written import Written, at_seconds, share
from josefine_wire.positions import SAMPLE_RATE_HZ
from josefine_wire.records import Transcript

Message = dict[str, Any]
Event = Literal["Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]
Trigger = Literal["model", "manual", "timeout"]
UPDATE_EVERY_SAMPLES: Final = SAMPLE_RATE_HZ // 4


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a turn is over; see TurnOptions."""

    eot_threshold: float = 0.7
    eot_timeout_ms: int = 5000
    eager_eot_threshold: float | None = None
    """None: no eager events."""

    def message(self) -> Message:
        """Returns the protocol's `thresholds`."""
        found: Message = {"eot_threshold": self.eot_threshold, "eot_timeout_ms": self.eot_timeout_ms}
        eager = self.eager_eot_threshold
        return found if eager is None else {**found, "eager_eot_threshold": eager}


@dataclass(frozen=True, slots=True)
class _Turn:
    """The turn under way, or the silence before it."""

    index: int = 0
    start_sample: int = 0
    said: tuple[Written, ...] = ()
    """Words of its finals."""
    open: tuple[Written, ...] = ()
    """Words of the segment that is not final."""
    open_text: str = ""
    """The record's text of these."""
    started: bool = False
    eager: bool = False
    """An EagerEndOfTurn stands that was not taken back."""
    confidence: float = 0.0
    cut_sample: int = 0
    """How much audio had been sent when its last final came. Where that was cut out of speech that goes on, what was
    heard behind it is told by the next segment.
    """

    @property
    def words(self) -> tuple[Written, ...]:
        return (*self.said, *self.open)


class Turns:
    """The frames of one connection, numbered. Fed by one task; every method returns the frames to send, in order."""

    def __init__(
        self, request_id: str, thresholds: Thresholds, wording: Wording | None = None, keyterms: Sequence[str] = ()
    ) -> None:
        self._keyterms: Final = tuple(keyterms)
        self._request_id: Final = request_id
        self._thresholds = thresholds
        self._wording = wording or Wording(punctuated=True)
        self._turn = _Turn()
        self._sequence = 0
        self._sent_sample = 0
        self._told_sample = 0

    @property
    def wording(self) -> Wording:
        """How the next records are to be shaped."""
        return self._wording

    def connected(self) -> Message:
        """Returns the first frame."""
        return self._numbered({"type": "Connected", "request_id": self._request_id})

    def hear(self, record: Transcript, shaped: Shaped) -> list[Message]:
        """Takes a new record of the channel, of any kind, and its text (empty for FLUSHED and END).

        ForceEndTurn is a flush: the final that it closed, or else the FLUSHED, ends the turn as the client's doing.
        """
        self._sent_sample = max(self._sent_sample, record["end_sample"])
        match record["kind"]:
            case "INTERIM":
                return self._interim(record, shaped)
            case "FINAL":
                return self._final(record, shaped)
        return self._end_turn("manual", record["end_sample"])

    def listen(self, sent_sample: int, heard_sample: int) -> list[Message]:
        """Takes how much audio was sent, and how much must have been heard, 16 kHz samples from session start: an
        Update each quarter of a second.

        A turn that waits for the rest of its words ends when `eot_timeout_ms` are heard without any.
        """
        self._sent_sample = max(self._sent_sample, sent_sample)
        turn = self._turn
        if turn.started and not turn.open and _silent_for_ms(turn, heard_sample) >= self._thresholds.eot_timeout_ms:
            return self._end_turn("timeout", heard_sample)
        if self._sent_sample - self._told_sample < UPDATE_EVERY_SAMPLES:
            return []
        return [self._info("Update")]

    def configured(self, thresholds: Thresholds, wording: Wording) -> Message:
        """Takes what holds from now on, validated; returns the ConfigureSuccess."""
        self._thresholds, self._wording = thresholds, wording
        return self._numbered(
            {
                "type": "ConfigureSuccess",
                "request_id": self._request_id,
                "keyterms": list(self._keyterms),
                "thresholds": thresholds.message(),
                "numerals": wording.numerals,
            }
        )

    def not_configured(self, code: str, description: str) -> Message:
        """Returns the ConfigureFailure; everything stays as it was."""
        return self._told("ConfigureFailure", code, description)

    def warning(self, code: str, description: str) -> Message:
        """Returns a Warning; the connection goes on."""
        return self._told("Warning", code, description)

    def fatal(self, code: str, description: str) -> Message:
        """Returns the Error after which the connection closes."""
        return self._told("Error", code, description)

    def _interim(self, record: Transcript, shaped: Shaped) -> list[Message]:
        if not shaped.written:  # words that come and go are no news before the final says so
            return []
        before = self._turn
        confidence = end_of_turn_confidence(record, before.open_text)
        self._turn = replace(before, open=shaped.written, open_text=record["text"], confidence=confidence)
        if not before.started:
            return [self._start(), *self._eager()]
        if before.eager and _texts(before.words) != _texts(self._turn.words):
            return [self._resume(), *self._eager()]
        return self._eager() or [self._info("Update")]

    def _final(self, record: Transcript, shaped: Shaped) -> list[Message]:
        before = self._turn
        said, confidence = (*before.said, *shaped.written), end_of_turn_confidence(record, "")
        self._turn = replace(
            before, said=said, open=(), open_text="", confidence=confidence, cut_sample=self._sent_sample
        )
        if not said:
            return self._retracted(record["end_sample"]) if before.started else []
        frames = [] if before.started else [self._start()]
        if before.eager and _texts(before.words) != _texts(said):
            frames.append(self._resume())
        if record["speech_final"]:
            return [*frames, *self._end_turn("manual" if record["flushed"] else "model", record["end_sample"])]
        return frames or [self._info("Update")]

    def _retracted(self, end_sample: int) -> list[Message]:
        """The first words were a mistake: the turn ends without any, for one that started has to."""
        frames = [self._resume()] if self._turn.eager else []
        return [*frames, *self._end_turn("model", end_sample)]

    def _start(self) -> Message:
        self._turn = replace(self._turn, started=True)
        return self._info("StartOfTurn")

    def _eager(self) -> list[Message]:
        threshold = self._thresholds.eager_eot_threshold
        turn = self._turn
        if threshold is None or turn.eager or not turn.words or turn.confidence < threshold:
            return []
        self._turn = replace(turn, eager=True)
        return [self._info("EagerEndOfTurn")]

    def _resume(self) -> Message:
        self._turn = replace(self._turn, eager=False)
        return self._info("TurnResumed")

    def _end_turn(self, trigger: Trigger, end_sample: int) -> list[Message]:
        """Returns the end of the turn under way. The next begins at `end_sample`, however much audio came since."""
        if not self._turn.started:
            return []
        self._turn = replace(self._turn, confidence=1.0)
        frame = self._info("EndOfTurn", trigger)
        self._turn = _Turn(self._turn.index + 1, end_sample)
        return [frame]

    def _info(self, event: Event, trigger: Trigger | None = None) -> Message:
        turn = self._turn
        self._told_sample = self._sent_sample
        found: Message = {
            "type": "TurnInfo",
            "request_id": self._request_id,
            "event": event,
            "turn_index": turn.index,
            "audio_window_start": at_seconds(turn.start_sample),
            "audio_window_end": at_seconds(self._sent_sample),
            "transcript": text_of(turn.words, punctuated=True),
            "words": [_word(word) for word in turn.words],
            "end_of_turn_confidence": turn.confidence,
        }
        return self._numbered(found if trigger is None else {**found, "trigger": trigger})

    def _told(self, type_: str, code: str, description: str) -> Message:
        found = {"type": type_, "request_id": self._request_id, "code": code, "description": description}
        return self._numbered(found)

    def _numbered(self, message: Message) -> Message:
        found = {**message, "sequence_id": self._sequence}
        self._sequence += 1
        return found


def _silent_for_ms(turn: _Turn, heard_sample: int) -> float:
    return (heard_sample - max(turn.said[-1].end_sample, turn.cut_sample)) * 1000 / SAMPLE_RATE_HZ


def _texts(words: Sequence[Written]) -> list[str]:
    return [word.text for word in words]


def _word(word: Written) -> Message:
    times = {"start": at_seconds(word.start_sample), "end": at_seconds(max(word.start_sample, word.end_sample))}
    return {"word": word.text, "confidence": share(word.confidence), **times}
