"""The server's messages as events. Pure. Unknown ones are passed over: a newer server may say more."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from josefine_client.live.errors import ProtocolError
from josefine_client.live.events import (
    Complaint,
    Ended,
    Event,
    Final,
    Interim,
    LiveEntity,
    LiveWord,
    SpeechStarted,
    UtteranceEnd,
)

Message = Mapping[str, Any]


class Receipt(NamedTuple):
    """What the server has for good."""

    position: int
    """Bytes of audio from the session's start."""
    token: str
    """With which the session goes on from there."""


def parse(text: str | bytes) -> Message:
    """Returns a frame as a message.

    Raises:
        ProtocolError: it is none.
    """
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("the server sent a frame that is no message")
    return message


def event_of(message: Message) -> Event | None:
    """Returns what a message says, None where it is of a kind that is not known.

    Raises:
        ProtocolError: something is missing in it.
    """
    try:
        return _event_of(message)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ProtocolError(f"the server sent a {message.get('type')} message without {error}") from error


def receipt_of(message: Message, acknowledged: Any) -> Receipt:
    """Returns what a Session or an Acknowledged message says is safe; `acknowledged` is where its bytes stand.

    Raises:
        ProtocolError: something is missing in it.
    """
    try:
        return Receipt(int(acknowledged["bytes"]), str(message["resume_token"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"the server sent a {message.get('type')} message without {error}") from error


def _event_of(message: Message) -> Event | None:
    match message["type"]:
        case "Results":
            return _results(message)
        case "SpeechStarted":
            return SpeechStarted(message["channel"][0], float(message["timestamp"]))
        case "UtteranceEnd":
            return UtteranceEnd(message["channel"][0], float(message["last_word_end"]))
        case "Error":
            return Complaint(message["variant"], message["description"])
        case "Metadata":
            session_id = message["request_id"]
            return Ended(session_id, float(message["duration"]), int(message["channels"]), message)
        case _:
            return None


def _results(message: Message) -> Interim | Final:
    best = message["channel"]["alternatives"][0]
    start_s = float(message["start"])
    heard = {
        "channel": int(message["channel_index"][0]),
        "sequence_id": int(message["sequence_id"]),
        "text": best["transcript"],
        "words": tuple(_word(word) for word in best["words"]),
        "start_s": start_s,
        "end_s": start_s + float(message["duration"]),
        "confidence": float(best["confidence"]),
    }
    if not message["is_final"]:
        return Interim(**heard)
    return Final(
        **heard,
        speech_final=bool(message.get("speech_final")),
        from_finalize=bool(message.get("from_finalize")),
        entities=tuple(_entity(entity) for entity in message.get("entities", ())),
    )


def _word(word: Message) -> LiveWord:
    written = word.get("punctuated_word", word["word"])
    return LiveWord(word["word"], written, float(word["start"]), float(word["end"]), float(word["confidence"]))


def _entity(entity: Message) -> LiveEntity:
    words = int(entity["start_word"]), int(entity["end_word"])
    return LiveEntity(entity["label"], entity["value"], *words, float(entity["confidence"]))
