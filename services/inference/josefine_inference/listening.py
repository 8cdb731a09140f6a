"""What one channel has heard: the columns it still needs, where its segments begin and end, its gaps.

Also which record of the log brought what is still needed, so that a snapshot can name the offset to go on from.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from josefine_inference.frames import Frame, FrameError
from josefine_inference.mel import Mel, MelWindow
from josefine_inference.segmenter import Mark, Policy, Segment, Segmenter
from josefine_inference.state import ChannelState
from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES
from josefine_wire.records import Gap


@dataclass(frozen=True, slots=True)
class Anchor:
    """A mark, and the gaps that were waiting for a segment when it was made."""

    mark: Mark
    gaps: tuple[Gap, ...]
    gaps_until: int
    """The gaps of records before this sequence number are known."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A segment that was closed."""

    segment: Segment
    anchor: Anchor
    gaps: tuple[Gap, ...]
    """Those that came since the last segment was closed."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where in the log a record lies that may be needed again, and what it holds."""

    offset: int
    sequence: int
    start_hop: int
    start_window: int
    end_hop: int
    end_window: int


class Listener:
    """The ear of one channel."""

    def __init__(self, policy: Policy, state: ChannelState) -> None:
        self.sequence = state.sequence
        """The record that is expected next."""
        self._policy = policy
        self._segmenter = Segmenter(policy, state.mark)
        self._mel = MelWindow(state.hop)
        self._mels = 0
        self._gaps = state.gaps
        self._gaps_until = state.gaps_until
        self._open: Anchor | None = None
        self._seen: deque[_Seen] = deque()
        self._next_offset = 0
        self._note_open()

    @property
    def segments(self) -> int:
        """Segments closed so far."""
        return self._segmenter.segments

    @property
    def open_hop(self) -> int | None:
        """First hop of the open segment, once it is certain to become one."""
        return self._segmenter.open_hop

    @property
    def end_hop(self) -> int:
        """End of what was heard."""
        return self._mel.end_hop

    @property
    def end_window(self) -> int:
        """End of the voice activity that was heard."""
        return self._segmenter.next_window

    @property
    def held_bytes(self) -> int:
        """Size of the columns kept."""
        return self._mel.held_bytes

    def hear(self, offset: int, frame: Frame) -> Iterator[Heard]:
        """Takes the next record and yields the segments that it closes; `mel` is valid for them until the next.

        Raises:
            FrameError: the record has another number of mel bands than the ones before.
        """
        record = frame.record
        self._check_mels(frame)
        yield from self._jump(frame)
        self._take_gaps(record["sequence"], record["gaps"])
        self._mel.append(frame.log_mel[max(0, self._mel.end_hop - record["start_hop"]) :])
        self._remember(offset, frame)
        segmenter = self._segmenter
        yield from self._closed(segmenter.hear(record["start_window"], frame.probabilities, self._mel.end_hop))
        if record["end"]:
            yield from self._closed(segmenter.end())
        elif record["flush"]:
            yield from self._closed(segmenter.flush())
        self._note_open()
        needed_hop = self._mel.end_hop if record["end"] else segmenter.mark.needed_hop(self._policy)
        self._mel.drop_before(needed_hop)

    def mel(self, start_hop: int, end_hop: int) -> Mel:
        """Returns a copy of the columns [start_hop, end_hop) of an open segment or one that was just closed."""
        return self._mel.take(start_hop, end_hop)

    def leftover_gaps(self) -> tuple[Gap, ...]:
        """Returns the gaps that no segment has taken, once: for the end of the channel."""
        gaps, self._gaps = self._gaps, ()
        return gaps

    def anchor(self) -> Anchor:
        """Returns the newest place from which to go on with no segment open."""
        return self._open or Anchor(self._segmenter.mark, self._gaps, self._gaps_until)

    def state_at(self, anchor: Anchor) -> tuple[int, ChannelState]:
        """Returns the version and the state from which the records give what followed the anchor.

        Records before the version are forgotten: no older anchor may be asked for again.
        """
        hop, window = anchor.mark.needed_hop(self._policy), anchor.mark.window
        while self._seen and self._seen[0].end_hop <= hop and self._seen[0].end_window <= window:
            self._seen.popleft()
        state = ChannelState(mark=anchor.mark, gaps=anchor.gaps, gaps_until=anchor.gaps_until)
        if not self._seen:
            next_ = replace(state, sequence=self.sequence, hop=self._mel.end_hop, window=self._segmenter.next_window)
            return self._next_offset, next_
        first = self._seen[0]
        return first.offset, replace(state, sequence=first.sequence, hop=first.start_hop, window=first.start_window)

    def _check_mels(self, frame: Frame) -> None:
        mels = frame.log_mel.shape[1]
        if len(frame.log_mel) and self._mels not in {0, mels}:
            raise FrameError(f"mels: {mels} after {self._mels} in the same session")
        if len(frame.log_mel):
            self._mels = mels

    def _take_gaps(self, sequence: int, gaps: Iterable[Gap]) -> None:
        """Adds a record's gaps, unless it is one that was heard before the restored mark."""
        if sequence >= self._gaps_until:
            self._gaps += tuple(gaps)

    def _jump(self, frame: Frame) -> Iterator[Heard]:
        """Closes what is open before a hole in the frames and goes on behind it."""
        record = frame.record
        hop, window = self._mel.end_hop, self._segmenter.next_window
        new_hop, new_window = max(hop, record["start_hop"]), max(window, record["start_window"])
        if new_hop > hop:
            start_sample, end_sample = hop * HOP_SAMPLES, new_hop * HOP_SAMPLES
        elif new_window > window:
            start_sample, end_sample = window * VAD_WINDOW_SAMPLES, new_window * VAD_WINDOW_SAMPLES
        else:
            return
        yield from self._closed(self._segmenter.jump(new_window, new_hop))
        # The stage before also leaves a long silence out, and says so itself.
        if not any(_overlaps(gap, start_sample, end_sample) for gap in record["gaps"]):
            gap = Gap(start_sample=start_sample, samples=end_sample - start_sample, reason="missing_frames")
            self._take_gaps(record["sequence"], [gap])
        self._mel.restart(new_hop)
        self._note_open()

    def _closed(self, segments: Iterator[Segment]) -> Iterator[Heard]:
        for segment in segments:
            anchor = self._open
            if anchor is None or anchor.mark != segment.mark:
                anchor = Anchor(segment.mark, self._gaps, self._gaps_until)
            gaps, self._gaps = self._gaps, ()
            yield Heard(segment, anchor, gaps)

    def _note_open(self) -> None:
        """Keeps the gaps as they were when the open segment began."""
        mark = self._segmenter.mark
        if not self._segmenter.is_open:
            self._open = None
        elif self._open is None or self._open.mark != mark:
            self._open = Anchor(mark, self._gaps, self._gaps_until)

    def _remember(self, offset: int, frame: Frame) -> None:
        record = frame.record
        self.sequence = record["sequence"] + 1
        self._gaps_until = max(self._gaps_until, self.sequence)
        self._next_offset = offset + 1
        self._seen.append(
            _Seen(
                offset,
                record["sequence"],
                record["start_hop"],
                record["start_window"],
                frame.end_hop,
                frame.end_window,
            )
        )


def _overlaps(gap: Gap, start_sample: int, end_sample: int) -> bool:
    return gap["start_sample"] < end_sample and gap["start_sample"] + gap["samples"] > start_sample
