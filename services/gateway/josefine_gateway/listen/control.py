"""The JSON messages that a client sends between its audio. Pure."""

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

LONGEST_TEXT: Final = 64 * 1024
"""Characters: a Configure with five hundred key terms has about 20,000."""
Kind = Literal["KeepAlive", "Finalize", "CloseStream", "Configure", "ForceEndTurn"]


class ControlError(ValueError):
    """A text that is no message of the protocol; the stream goes on."""


@dataclass(frozen=True, slots=True)
class Control:
    """A message."""

    kind: Kind
    content: dict[str, Any]


def parse_control(text: str, known: tuple[Kind, ...]) -> Control:
    """Returns the message.

    Raises:
        ControlError: it is none of `known`; one readable line for the client, without its text.
    """
    if len(text) > LONGEST_TEXT:
        raise ControlError(f"a message of {len(text)} characters: at most {LONGEST_TEXT} are read")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ControlError("the text is no JSON; audio is sent in binary messages") from error
    kind = content.get("type") if isinstance(content, dict) else None
    if kind not in known:
        raise ControlError(f"type: must be one of {', '.join(known)}")
    return Control(kind, content)
