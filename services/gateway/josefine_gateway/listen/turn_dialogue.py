"""WS /v2/listen: turns of one channel, from the log's records. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from josefine_gateway.listen.control import Kind
from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.turn_options import TurnOptions, configured
from josefine_gateway.shape.connection import Heard
from josefine_gateway.shape.live import Message
from josefine_gateway.shape.turns import Turns
from josefine_gateway.shape.words import Shaped, shaped
from josefine_wire.ids import flush_sequence
from josefine_wire.positions import samples
from josefine_wire.records import Error, Transcript
from josefine_wire.topics import TRANSCRIPTS


class TurnDialogue:
    """Grows with the records of one session. One thread."""

    controls: tuple[Kind, ...] = ("KeepAlive", "CloseStream", "ForceEndTurn", "Configure")

    def __init__(self, request_id: str, options: TurnOptions) -> None:
        self._options = options
        self._turns: Final = Turns(request_id, options.thresholds, options.wording, options.keyterm)
        self._next_segment = 0
        self._revision = self._flush_sequence = -1
        self._end: Transcript | None = None
        self._model = ""

    @property
    def over(self) -> bool:
        return self._end is not None

    @property
    def error(self) -> Error | None:
        return self._end["error"] if self._end else None

    @property
    def idle(self) -> bool:
        return self._end is not None and self._end["reason"] == "IDLE_TIMEOUT"

    @property
    def length_samples(self) -> int:
        return self._end["end_sample"] if self._end else 0

    @property
    def channels(self) -> int:
        return 1

    @property
    def model(self) -> str:
        return self._model

    def greet(self) -> Iterator[Message]:
        yield self._turns.connected()

    def hear(self, topic: str, record: Any) -> Iterator[Message]:
        if topic == TRANSCRIPTS and not record["variant"] and record["channel"] == 0 and self._is_new(record):
            said = record["kind"] in {"INTERIM", "FINAL"}
            text = shaped(record, None, self._turns.wording) if said else Shaped()
            yield from self._turns.hear(record, text)

    def audio_reached(self, sent_s: float, heard_s: float) -> Iterator[Message]:
        yield from self._turns.listen(samples(sent_s), samples(heard_s))

    def configure(self, content: Mapping[str, Any]) -> Iterator[Message]:
        try:
            changed = configured(self._options, _changes(content))
        except OptionError as error:
            yield self._turns.not_configured("INVALID_CONFIGURATION", str(error))
            return
        self._options = changed
        yield self._turns.configured(changed.thresholds, changed.wording)

    def misread(self, why: str) -> Iterator[Message]:
        yield self._turns.warning("UNPARSABLE_CLIENT_MESSAGE", why)

    def fail(self, error: Error) -> Iterator[Message]:
        yield self._turns.fatal(error["code"], error["message"])

    def farewell(self, heard: Heard, resume_token: str) -> Iterator[Message]:
        """Yields nothing: the protocol has no Metadata."""
        del heard, resume_token
        return iter(())

    def _is_new(self, record: Transcript) -> bool:
        self._model = record["model"]
        if self._end is not None or record["segment"] < self._next_segment:
            return False
        match record["kind"]:
            case "INTERIM":
                new = record["revision"] > self._revision
                self._revision = max(self._revision, record["revision"])
                return new
            case "FINAL":
                self._next_segment, self._revision = record["segment"] + 1, -1
            case "FLUSHED":
                before, self._flush_sequence = self._flush_sequence, flush_sequence(record["id"])
                return self._flush_sequence > before
            case "END":
                self._end = record
        return True


def _changes(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a Configure asks for, flat; null asks for nothing.

    Raises:
        OptionError: thresholds are no object.
    """
    thresholds = content.get("thresholds")
    if not isinstance(thresholds, dict | None):
        raise OptionError("thresholds", "must be an object")
    asked = {key: value for key, value in content.items() if key not in {"type", "thresholds"}}
    return {key: value for key, value in {**asked, **(thresholds or {})}.items() if value is not None}
