"""What a live session's client is told, from what the log says. Pure: records and positions in, messages out.

Results of a channel come in its order; a repeated one is told by its place. Where a final needs what nlu says of it,
it waits, and so does all behind it.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from josefine_gateway.listen.control import Kind
from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.shape.connection import Heard, configure_failure, configure_success, metadata
from josefine_gateway.shape.connection import error as error_message
from josefine_gateway.shape.gaps import Gap
from josefine_gateway.shape.live import Covered, Message, Stream, results, speech_started, utterance_end
from josefine_gateway.shape.words import Shaped, shaped
from josefine_gateway.shape.written import written_words
from josefine_wire.codec import WireError, decode
from josefine_wire.ids import flush_sequence
from josefine_wire.positions import samples
from josefine_wire.records import DeadLetter, Error, Transcript, Understanding
from josefine_wire.topics import TRANSCRIPTS, UNDERSTANDING, channel_key


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the client asked to be told."""

    interim_results: bool = False
    vad_events: bool = False
    utterance_end_ms: int = 0
    """0: no UtteranceEnd."""
    understanding: bool = False
    """Finals wait for what nlu says of them."""


@dataclass(slots=True)
class _Channel:
    """What is known and was told of one channel."""

    gap: Gap
    seen: int = 0
    """Greatest sequence_id that the client had before: those are not told again."""
    covered: Covered = field(default_factory=Covered)
    next_segment: int = 0
    open_start: int | None = None
    """Begin of the open segment, in samples, once an interim has come of it."""
    revision: int = -1
    """Of that interim."""
    announced: int = -1
    """Segment of the last SpeechStarted."""
    cut_sample: int = 0
    """How much audio had been sent when a final came that was cut out of speech: the next segment tells what was heard
    of it.
    """
    flushes: int = 0
    """Flush marks that were answered, to whomever."""
    flush_sequence: int = -1
    """Of the last of them."""
    flush_answered: bool = False
    """A final that a flush closed was told, and the FLUSHED behind it has nothing to say."""
    waiting: deque[Transcript] = field(default_factory=deque)
    understood: dict[int, Understanding | None] = field(default_factory=dict)
    """Of segments that are waited for, or will be; None: nlu has given it up."""
    ended: bool = False
    """The end has come; it may wait behind finals."""
    end: Transcript | None = None


class Conversation:
    """The dialogue of WS /v1/listen. Grows with the records of one session. One thread."""

    controls: tuple[Kind, ...] = ("KeepAlive", "Finalize", "CloseStream", "Configure")

    def __init__(self, wanted: Wanted, stream: Stream, seen: Sequence[int] = (), flushes: int = 0) -> None:
        """Begins a session, or one that goes on and is heard again from its first record.

        Args:
            wanted: what is to be told.
            stream: what all messages share.
            seen: the greatest sequence_id that the client has of each channel.
            flushes: Finalizes of former connections. They are not answered here: the client asks again where it has no
                answer.
        """
        self._wanted: Final = wanted
        self._stream = stream
        self._seen: Final = tuple(seen)
        self._flushes: Final = flushes
        self._channels: dict[int, _Channel] = {}
        self._count = 0
        self._sent_sample = 0
        self._model = ""

    @property
    def channels(self) -> int:
        """How many channels there are; 1 as long as nothing has come."""
        return self._count or 1

    @property
    def model(self) -> str:
        """The acoustic model; empty before anything has come."""
        return self._model

    @property
    def over(self) -> bool:
        """Whether every channel has ended."""
        return bool(self._count) and all(self._channel(number).end for number in range(self._count))

    @property
    def error(self) -> Error | None:
        """What the engine has to say against the session, once it is over."""
        return next((end["error"] for end in self._ends() if end["error"] is not None), None)

    @property
    def idle(self) -> bool:
        """Whether it ended because nothing came any more."""
        return any(end["reason"] == "IDLE_TIMEOUT" for end in self._ends())

    @property
    def length_samples(self) -> int:
        """Length of the longest channel, once it is over."""
        return max((end["end_sample"] for end in self._ends()), default=0)

    def greet(self) -> Iterator[Message]:
        """Yields nothing: the protocol begins with the first result."""
        return iter(())

    def configure(self, content: Mapping[str, Any]) -> Iterator[Message]:
        """Takes another way to write numbers, for what was not told yet. What the pipeline expects to hear stays as the
        session began.
        """
        stream, keyterms = self._stream, content.get("keyterms")
        if keyterms is not None and keyterms != list(stream.keyterms):
            why = "keyterms: a session keeps those that it began with; give them in the query"
            yield configure_failure(stream.request_id, "CONFIGURE_KEYTERMS_NOT_SUPPORTED", why)
            return
        try:
            numerals = _numerals(content)
        except OptionError as error:
            yield configure_failure(stream.request_id, "CONFIGURE_INTERNAL_ERROR", str(error))
            return
        if numerals is not None:
            self._stream = replace(stream, wording=replace(stream.wording, numerals=numerals))
        yield configure_success(stream.request_id, stream.keyterms)

    def misread(self, why: str) -> Iterator[Message]:
        yield error_message("SchemaError", why)

    def fail(self, error: Error) -> Iterator[Message]:
        yield error_message(error["code"], error["message"], code=error["code"])

    def farewell(self, heard: Heard, resume_token: str) -> Iterator[Message]:
        yield metadata(heard, resume_token)

    def hear(self, topic: str, record: Any) -> Iterator[Message]:
        """Yields what is to be told because of a record of transcripts, understanding or dead.letters."""
        if topic == TRANSCRIPTS and not record["variant"]:
            yield from self._transcript(record)
        elif topic == UNDERSTANDING and not record["variant"]:
            yield from self._understanding(record)
        elif record.get("stage") == "nlu":
            yield from self._not_understood(record)

    def audio_reached(self, sent_s: float, heard_s: float) -> Iterator[Message]:
        """Yields the UtteranceEnds that are due where so much audio has been sent, and heard by the pipeline."""
        self._sent_sample, heard = samples(sent_s), samples(heard_s)
        for number, channel in sorted(self._channels.items()):
            silent = channel.open_start is None and not channel.waiting
            if silent and channel.gap.lasts(channel.cut_sample, heard):
                yield from self._silent_until(number, channel, heard)

    def _ends(self) -> list[Transcript]:
        return [channel.end for _, channel in sorted(self._channels.items()) if channel.end is not None]

    def _channel(self, number: int) -> _Channel:
        if number not in self._channels:
            seen = self._seen[number] if number < len(self._seen) else 0
            self._channels[number] = _Channel(Gap(self._wanted.utterance_end_ms), seen)
        return self._channels[number]

    def _transcript(self, record: Transcript) -> Iterator[Message]:
        self._count, self._model = record["channels"], record["model"]
        channel = self._channel(record["channel"])
        if channel.ended or record["segment"] < channel.next_segment:
            return
        match record["kind"]:
            case "INTERIM":
                yield from self._interim(channel, record)
                return
            case "FINAL":
                channel.next_segment = record["segment"] + 1
                channel.open_start, channel.revision = None, -1
                channel.cut_sample = 0 if record["speech_final"] else self._sent_sample
            case "FLUSHED":
                if (sequence := flush_sequence(record["id"])) <= channel.flush_sequence:
                    return
                channel.flush_sequence = sequence
            case "END":
                channel.ended = True
        channel.waiting.append(record)
        yield from self._release(channel)

    def _interim(self, channel: _Channel, record: Transcript) -> Iterator[Message]:
        if (
            channel.waiting
            or record["segment"] < channel.seen
            or (channel.open_start is not None and record["revision"] <= channel.revision)
        ):
            return
        channel.open_start, channel.revision = record["start_sample"], record["revision"]
        yield from self._speech_from(channel, record, record["start_sample"])
        if self._wanted.interim_results:
            yield results(self._stream, channel.covered, record, shaped(record, None, self._stream.wording))

    def _understanding(self, record: Understanding) -> Iterator[Message]:
        channel = self._channel(record["channel"])
        wanted = self._wanted.understanding and record["kind"] == "SEGMENT" and channel.end is None
        if wanted and record["segment"] >= channel.covered.sequence_id:
            channel.understood.setdefault(record["segment"], record)
            yield from self._release(channel)

    def _not_understood(self, letter: DeadLetter) -> Iterator[Message]:
        """A final that nlu has given up is told without, and without text where that was to be redacted."""
        final = _given_up(letter)
        if final is None or not self._wanted.understanding:
            return
        channel = self._channel(final["channel"])
        if final["segment"] >= channel.covered.sequence_id:
            channel.understood.setdefault(final["segment"], None)
            yield from self._release(channel)

    def _waits(self, channel: _Channel, record: Transcript) -> bool:
        needs = self._wanted.understanding and record["kind"] == "FINAL" and bool(record["text"].strip())
        return needs and record["segment"] not in channel.understood

    def _release(self, channel: _Channel) -> Iterator[Message]:
        """Yields what need not wait any more, in order."""
        while channel.waiting and not self._waits(channel, channel.waiting[0]):
            record = channel.waiting.popleft()
            tell = {"FINAL": self._final, "FLUSHED": self._flushed}.get(record["kind"], self._end)
            yield from tell(channel, record)
            channel.covered = channel.covered.by(record)

    def _final(self, channel: _Channel, record: Transcript) -> Iterator[Message]:
        understanding = channel.understood.pop(record["segment"], None)
        channel.flush_answered = channel.flush_answered or record["flushed"]
        new = record["segment"] >= channel.seen
        if not new and self._keeps_ends:
            channel.gap = channel.gap.heard_words(written_words(record))
            return
        text = shaped(record, understanding, self._stream.wording)
        if new:
            first = text.written[0].start_sample if text.written else record["start_sample"]
            yield from self._speech_from(channel, record, first)
            yield results(self._stream, channel.covered, record, text)
        channel.gap = channel.gap.heard_words(text.written)

    @property
    def _keeps_ends(self) -> bool:
        """Whether a final's last word ends where it was said, however it is written. What is hidden or replaced may be
        left out; digits and asterisks stand where the words stood.
        """
        return not self._stream.wording.redaction and not self._stream.wording.replacements

    def _flushed(self, channel: _Channel, record: Transcript) -> Iterator[Message]:
        """Every Finalize is answered: by the final that it closed, else by an empty one."""
        answered, channel.flush_answered = channel.flush_answered, False
        channel.flushes += 1
        if not answered and channel.flushes > self._flushes:
            yield results(self._stream, channel.covered, record, Shaped())

    def _end(self, channel: _Channel, record: Transcript) -> Iterator[Message]:
        yield from self._silent_until(record["channel"], channel, record["end_sample"])
        if record["end_sample"] > channel.covered.sample and record["error"] is None:
            yield results(self._stream, channel.covered, record, Shaped())
        channel.end = record

    def _speech_from(self, channel: _Channel, record: Transcript, first_sample: int) -> Iterator[Message]:
        """Yields what stands before the first words of a segment."""
        yield from self._silent_until(record["channel"], channel, first_sample)
        if self._wanted.vad_events and channel.announced < record["segment"]:
            channel.announced = record["segment"]
            yield speech_started(record)

    def _silent_until(self, number: int, channel: _Channel, sample: int) -> Iterator[Message]:
        """Yields the UtteranceEnd of the gap after the last word, if it is long enough by then."""
        word_end = channel.gap.due(sample) if self._wanted.utterance_end_ms else None
        if word_end is not None:
            channel.gap = channel.gap.told()
            yield utterance_end(number, self.channels, word_end)


def _numerals(content: Mapping[str, Any]) -> bool | None:
    """Returns what a Configure asks for, None for nothing; OptionError where it is something else."""
    features = content.get("features") or {}
    if not isinstance(features, Mapping):
        raise OptionError("features", "must be an object")
    for name in (*content.keys() - {"type", "keyterms", "features"}, *features.keys() - {"numerals"}):
        raise OptionError(str(name)[:40], "cannot be configured; there is features.numerals")
    numerals = features.get("numerals")
    if not isinstance(numerals, bool | None):
        raise OptionError("numerals", "must be true or false")
    return numerals


def _given_up(letter: DeadLetter) -> Transcript | None:
    """Returns the final that nlu could not work on; None: it was none that can be read."""
    if letter["value"] is None:
        return None
    try:
        record: Transcript = decode(TRANSCRIPTS, letter["value"])
    except WireError:
        return None
    own = letter["key"] == channel_key(record["session_id"], record["channel"]).encode()
    return record if own and record["kind"] == "FINAL" and not record["variant"] else None
