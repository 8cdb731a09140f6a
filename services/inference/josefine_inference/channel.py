"""One channel: what it hears, which of its segments wait for the device, and what is told in which order."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from josefine_inference.frames import Frame, without_features
from josefine_inference.hypothesis import Acceptance, Hypothesis
from josefine_inference.interims import Interims
from josefine_inference.listening import Heard, Listener
from josefine_inference.mel import Mel
from josefine_inference.messages import Failed
from josefine_inference.segmenter import Policy
from josefine_inference.state import ChannelState, Life, encode, tombstone
from josefine_inference.transcripts import About, end_transcript, final_transcript, flushed_transcript, poison_gap
from josefine_stage.handler import Input, Output, Progress, Rejection, Snapshot
from josefine_wire.keyterms import unpacked
from josefine_wire.records import REPLAY_CUT_OFF, Error, FeatureFrame, SessionConfig, session_config


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """What the server decides for every channel."""

    model: str
    """Used where the session names none."""
    endpointing_ms: int = 500
    acceptance: Acceptance = field(default_factory=Acceptance)


@dataclass(slots=True, eq=False)
class Closing:
    """A closed segment on its way to its final."""

    heard: Heard
    log_mel: Mel | None
    """None once it is decoded."""
    outcome: Hypothesis | Failed | None = None

    def decoded(self, outcome: Hypothesis | Failed) -> None:
        """Takes the outcome and lets the mel go."""
        self.outcome, self.log_mel = outcome, None


@dataclass(slots=True, eq=False)
class _Pending:
    """An input that is done when its segments are decoded, and those of the inputs before it."""

    entry: Input[FeatureFrame]
    closings: list[Closing]
    segments: int
    """Closed so far, its own included."""
    end_hop: int
    """End of what was heard, up to it."""
    rejection: Rejection | None = None


class Channel:
    """The channel of one key."""

    def __init__(self, options: ChannelOptions, state: ChannelState | None = None) -> None:
        state = state or ChannelState()
        self.options = options
        self.life = state.life
        self.interims: Interims | None = None
        self._unreported = state.unreported
        self._pending: deque[_Pending] = deque()
        self._told: list[Progress[FeatureFrame]] = []
        self._next_offset = 0
        self._configure(state.config or session_config(), state)

    @property
    def begun(self) -> bool:
        """Whether a record was heard, in this process or before."""
        return self._listener.sequence > 0 or self.life is not Life.OPEN

    @property
    def live(self) -> bool:
        """Whether someone who waits for the words may go on speaking."""
        return self.urgent and self.life is Life.OPEN

    @property
    def model(self) -> str:
        """The model that the session uses."""
        return self.config["model"] or self.options.model

    @property
    def held_bytes(self) -> int:
        """Mel kept for the open segment and for those that wait."""
        waiting = (closing.log_mel for pending in self._pending for closing in pending.closings)
        return self._listener.held_bytes + sum(mel.nbytes for mel in waiting if mel is not None)

    @property
    def open_segment(self) -> int:
        """Number of the segment that is open or comes next."""
        return self._listener.segments

    @property
    def open_hop(self) -> int | None:
        """First hop of the open segment, once it is certain to become one."""
        return self._listener.open_hop

    @property
    def heard_hop(self) -> int:
        """End of what was heard."""
        return self._listener.end_hop

    def open_mel(self, start_hop: int, end_hop: int) -> Mel:
        """Returns a copy of columns of the open segment."""
        return self._listener.mel(start_hop, end_hop)

    def known(self, sequence: int) -> bool:
        """Returns whether the record was heard before."""
        return sequence < self._listener.sequence

    def start(self, config: SessionConfig) -> None:
        """Takes what the session asks for, before its first record is heard."""
        self._configure(config, ChannelState())

    def refuse(self, entry: Input[FeatureFrame], error: Error) -> None:
        """Ends the channel at its first record and tells why."""
        self.life = Life.REFUSED
        output = end_transcript(self.about(entry.record), 0, (), refusal=error)
        self._tell(entry, [output])

    def drop(self, entry: Input[FeatureFrame], rejection: Rejection | None = None) -> None:
        """Takes an input that changes nothing: known, of a refused session, or rejected."""
        self._tell(entry, (), rejection)

    def hear_marks(self, entry: Input[FeatureFrame], rejection: Rejection) -> list[Closing]:
        """Takes a record that cannot be features but ends or flushes the channel, which hold all the same: somebody
        waits for the answer, and nothing else would end the channel. Returns as `hear`.
        """
        bare = without_features(entry.record, self._listener.end_hop, self._listener.end_window)
        return self.hear(entry, bare, rejection)

    def hear(self, entry: Input[FeatureFrame], frame: Frame, rejection: Rejection | None = None) -> list[Closing]:
        """Takes the next record and returns the segments that are to be decoded for it.

        Nothing is to be decoded for an input whose outputs are durable already.

        Raises:
            FrameError: the record does not fit the ones before; nothing was heard.
        """
        closings = []
        untold = entry.committed or _cut_off(frame.record)
        for heard in self._listener.hear(entry.offset, frame):
            self.interims = None
            if not untold:
                log_mel = self._listener.mel(heard.segment.start_hop, heard.segment.end_hop)
                closings.append(Closing(heard, log_mel))
        if frame.record["end"]:
            self.life = Life.ENDED
        if untold or not (closings or frame.record["end"] or frame.record["flush"]):
            self._tell(entry, rejection=rejection)
        else:
            listener = self._listener
            self._pending.append(_Pending(entry, closings, listener.segments, listener.end_hop, rejection))
        return closings

    def collect(self) -> list[Progress[FeatureFrame]]:
        """Returns what has become of inputs since the last call: finals in the order of their segments."""
        while self._pending and all(closing.outcome for closing in self._pending[0].closings):
            self._finish(self._pending.popleft())
        told, self._told = self._told, []
        return told

    def snapshot(self) -> Snapshot | None:
        """Returns the state before the oldest segment that is open or waits; None before the first record is
        answered. Call collect before.
        """
        if not self.begun:
            # Its first records could not be heard: no restart has to read them again.
            unheard = encode(ChannelState(config=self.config))
            return Snapshot(self._next_offset, unheard) if self._next_offset else None
        if self.life is not Life.OPEN and not self._pending:
            over = tombstone(self._listener.sequence, self.life)
            return Snapshot(self._next_offset, encode(over), over=True)
        anchor = self._pending[0].closings[0].heard.anchor if self._pending else self._listener.anchor()
        version, state = self._listener.state_at(anchor)
        return Snapshot(version, encode(replace(state, config=self.config, unreported=self._unreported)))

    def about(self, record: FeatureFrame) -> About:
        """Returns what the channel's transcripts share, as of a record."""
        return About(record, self.config, self.model)

    def _configure(self, config: SessionConfig, state: ChannelState) -> None:
        self.config = config
        self.urgent = config["mode"] == "LIVE" and not config.get("replay")
        """Whether someone waits for the words while speaking: not so where live speech is heard again. Every turn
        asks every channel."""
        self.keyterms = unpacked(config["metadata"])
        """Words that are likely to be said."""
        policy = Policy.of(config["mode"], config["endpointing_ms"] or self.options.endpointing_ms)
        self._listener = Listener(policy, state)

    def _tell(
        self, entry: Input[FeatureFrame], outputs: Sequence[Output] = (), rejection: Rejection | None = None
    ) -> None:
        self._next_offset = entry.offset + 1
        self._told.append(Progress(entry, () if entry.committed else outputs, rejection=rejection))

    def _finish(self, pending: _Pending) -> None:
        """Tells an input's finals, and what answers its marks, in one piece: they become durable with its offset."""
        about, outputs, rejection = self.about(pending.entry.record), [], pending.rejection
        for closing in pending.closings:
            segment, gaps = closing.heard.segment, self._unreported + closing.heard.gaps
            self._unreported = ()
            match closing.outcome:
                case Hypothesis() as hypothesis if self.options.acceptance.accepts(hypothesis):
                    outputs.append(final_transcript(about, segment, hypothesis, gaps))
                case Failed() as failed:
                    rejection = Rejection(failed.code, f"segment {segment.number}: {failed.reason}")
                    self._unreported = (*gaps, poison_gap(segment))
                case _:
                    self._unreported = gaps
        if about.record["end"]:
            gaps = self._unreported + self._listener.leftover_gaps()
            outputs.append(end_transcript(about, pending.segments, gaps))
        elif about.record["flush"]:
            outputs.append(flushed_transcript(about, pending.segments, pending.end_hop))
        self._tell(pending.entry, outputs, rejection)


def _cut_off(record: FeatureFrame) -> bool:
    """Whether a replay lost its sender: a word cut short, or an end, must not stand under the session's ids."""
    end = record["end"]
    return end is not None and end["code"] == REPLAY_CUT_OFF
