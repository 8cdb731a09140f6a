"""Messages of WS /v1/listen about the connection: its end, its settings, what went wrong, where to go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from josefine_gateway.shape.models import Model
from josefine_gateway.shape.times import timestamp

Message = dict[str, Any]
ConfigureTrouble = Literal[
    "CONFIGURE_KEYTERMS_NOT_SUPPORTED",
    "CONFIGURE_KEYTERM_LIMIT_EXCEEDED",
    "CONFIGURE_ALREADY_PENDING",
    "CONFIGURE_INTERNAL_ERROR",
]


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a session's audio at its end, or of a recording."""

    request_id: str
    created: datetime
    """When the request came; aware."""
    sha256: str
    """Of all bytes of the audio, hexadecimal."""
    duration_s: float
    channels: int
    """How many transcripts there are: 1 unless multichannel."""
    model: str
    """The real one's name, as transcripts have it; empty if there were none."""
    tags: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)


def description(heard: Heard) -> Message:
    """Returns what the metadata of live and recorded answers have in common."""
    models = [Model(heard.model)] if heard.model else []
    found: Message = {
        "transaction_key": "deprecated",
        "request_id": heard.request_id,
        "sha256": heard.sha256,
        "created": timestamp(heard.created),
        "duration": round(heard.duration_s, 4),
        "channels": heard.channels,
        "models": [model.uuid for model in models],
        "model_info": {model.uuid: model.description for model in models},
    }
    if heard.tags:
        found["tags"] = list(heard.tags)
    if heard.extra:
        found["extra"] = dict(heard.extra)
    return found


def metadata(heard: Heard, resume_token: str) -> Message:
    """Returns the Metadata, which is the last message."""
    return {"type": "Metadata", **description(heard), "resume_token": resume_token}


def error(variant: str, description_: str, *, code: str = "") -> Message:
    """Returns an Error; the connection goes on. `variant` is the protocol's word for the kind, as SchemaError."""
    found = {"type": "Error", "variant": variant, "description": description_, "message": description_}
    return {**found, "code": code} if code else found


def configure_success(request_id: str, keyterms: Sequence[str] = ()) -> Message:
    """Returns the answer to a Configure that was taken."""
    return {"type": "ConfigureSuccess", "request_id": request_id, "keyterms": list(keyterms)}


def configure_failure(request_id: str, code: ConfigureTrouble, description_: str) -> Message:
    """Returns the answer to a Configure that was not taken; everything stays as it was."""
    return {"type": "ConfigureFailure", "request_id": request_id, "code": code, "description": description_}


def session(request_id: str, resume_token: str, taken_bytes: int, taken_s: float | None, *, resumed: bool) -> Message:
    """Returns the first frame of a connection with `resume`: from which byte on audio is to be sent.

    `taken_s` is the length of that audio, None where it is not known (containers).
    """
    return {
        "type": "Session",
        "request_id": request_id,
        "resume_token": resume_token,
        "acknowledged": {"bytes": taken_bytes, "seconds": taken_s},
        "resumed": resumed,
    }


def acknowledged(resume_token: str, taken_bytes: int, taken_s: float | None) -> Message:
    """Returns the frame that says how much audio is durable."""
    return {"type": "Acknowledged", "bytes": taken_bytes, "seconds": taken_s, "resume_token": resume_token}
