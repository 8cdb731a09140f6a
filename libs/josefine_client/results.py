"""What is known of one session: finals in order, the words heard last, what they mean, how it ended. Pure.

Records come at least once and in order per channel: a repeated or overtaken one is told by its place, not by
a list of all ids, so that a session of hours costs no more than its finals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from josefine_wire.ids import flush_sequence
from josefine_wire.records import DeadLetter, EndReason, Error, Gap, Transcript, Understanding


@dataclass(frozen=True, slots=True)
class ChannelGap:
    """Audio of a channel that never arrived or could not be processed."""

    channel: int
    gap: Gap


@dataclass(slots=True)
class SessionResult:
    """Grows with the records of its session. One thread."""

    session_id: str
    want_understanding: bool = True
    dead_letters: list[DeadLetter] = field(default_factory=list)
    _channels: int = 0
    _finals: dict[tuple[int, int], Transcript] = field(default_factory=dict)
    _interims: dict[tuple[int, int], Transcript] = field(default_factory=dict)
    _flushes: dict[int, Transcript] = field(default_factory=dict)
    """Channel -> its last FLUSHED."""
    _ends: dict[int, Transcript] = field(default_factory=dict)
    _understood: dict[tuple[int, int], Understanding] = field(default_factory=dict)
    _understood_ends: set[int] = field(default_factory=set)

    def add_transcript(self, record: Transcript) -> bool:
        """Takes a record of this session; returns whether it says something new."""
        channel, place = record["channel"], (record["channel"], record["segment"])
        self._channels = max(self._channels, record["channels"])
        match record["kind"]:
            case "END":
                new = channel not in self._ends
                self._ends.setdefault(channel, record)
            case "FINAL":
                new = place not in self._finals
                self._finals.setdefault(place, record)
                self._interims.pop(place, None)
            case "INTERIM":
                before = self._interims.get(place)
                overtaken = before is not None and record["revision"] <= before["revision"]
                new = not overtaken and place not in self._finals and not self._closed(channel, record["segment"])
                if new:
                    self._interims[place] = record
            case "FLUSHED":
                new = channel not in self._ends and self._flush_overtakes(record)
                if new:
                    self._flush(record)
        return new

    def add_understanding(self, record: Understanding) -> bool:
        """Takes a record of this session; returns whether it says something new."""
        if record["kind"] == "END":
            new = record["channel"] not in self._understood_ends
            self._understood_ends.add(record["channel"])
            return new
        place = (record["channel"], record["segment"])
        new = place not in self._understood
        self._understood.setdefault(place, record)
        return new

    def add_dead_letter(self, letter: DeadLetter) -> bool:
        """Takes a dead letter of this session; returns whether it says something new."""
        new = all(letter["id"] != known["id"] for known in self.dead_letters)
        if new:
            self.dead_letters.append(letter)
        return new

    @property
    def channels(self) -> int | None:
        """How many channels the session has; None before anything has come."""
        return self._channels or None

    @property
    def transcribed(self) -> bool:
        """Whether every channel has ended."""
        return self.channels is not None and len(self._ends) >= self.channels

    @property
    def understood_all(self) -> bool:
        """Whether everything has been said of every channel."""
        return self.transcribed and len(self._understood_ends) >= len(self._ends)

    @property
    def complete(self) -> bool:
        """Whether nothing more is to be waited for."""
        return self.understood_all if self.want_understanding else self.transcribed

    def finals(self, channel: int | None = None) -> list[Transcript]:
        """Returns the finals of one channel or of all, in order of channel, then segment."""
        return [self._finals[place] for place in sorted(self._finals) if channel in (None, place[0])]

    def interim(self, channel: int) -> Transcript | None:
        """Returns the latest hypothesis of the channel's open segment, if there is one."""
        places = [place for place in self._interims if place[0] == channel]
        return self._interims[max(places)] if places else None

    def flushed(self, channel: int) -> Transcript | None:
        """Returns the last answer to a flush mark on the channel, if there was one: all before it is final."""
        return self._flushes.get(channel)

    def understanding(self) -> list[Understanding]:
        """Returns what was said of the finals, in their order."""
        return [self._understood[place] for place in sorted(self._understood)]

    def understanding_of(self, final: Transcript) -> Understanding | None:
        """Returns what was said of one final."""
        return self._understood.get((final["channel"], final["segment"]))

    def gaps(self) -> list[ChannelGap]:
        """Returns all gaps, in order of channel, then time; of a repeated one the first."""
        records = [*self.finals(), *self._ends.values()]
        found = {
            (record["channel"], gap["start_sample"]): ChannelGap(record["channel"], gap)
            for record in reversed(records)
            for gap in record["gaps"]
        }
        return [found[place] for place in sorted(found)]

    @property
    def error(self) -> Error | None:
        """What the engine has to say against the session: the first channel's."""
        return next((error for end in self._in_channel_order() if (error := end["error"]) is not None), None)

    @property
    def reason(self) -> EndReason | None:
        """How the first channel ended; None while it runs."""
        return next((end["reason"] for end in self._in_channel_order()), None)

    @property
    def length_samples(self) -> int:
        """Length of the longest channel, as far as heard, in 16 kHz samples."""
        heard = [*self._ends.values(), *self._flushes.values(), *self._finals.values(), *self._interims.values()]
        return max((record["end_sample"] for record in heard), default=0)

    def _closed(self, channel: int, segment: int) -> bool:
        """Whether a segment is over, with a FINAL or without one."""
        flush = self._flushes.get(channel)
        return channel in self._ends or (flush is not None and segment < flush["segment"])

    def _flush_overtakes(self, record: Transcript) -> bool:
        before = self._flushes.get(record["channel"])
        return before is None or flush_sequence(record["id"]) > flush_sequence(before["id"])

    def _flush(self, record: Transcript) -> None:
        """Takes a FLUSHED; interims of segments that gave no FINAL are over with it."""
        channel, segment = record["channel"], record["segment"]
        self._flushes[channel] = record
        for place in [place for place in self._interims if place[0] == channel and place[1] < segment]:
            del self._interims[place]

    def _in_channel_order(self) -> Sequence[Transcript]:
        return [self._ends[channel] for channel in sorted(self._ends)]
