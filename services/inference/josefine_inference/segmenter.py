"""Cuts a channel's frames into segments by voice activity. A pure function of the frames, without a clock.

The borders depend on the sequence of voice-activity windows and of flush and end marks, never on how the
frames were batched or when they came: a replay gives the same segments with the same numbers. The state
machine (onset and offset with hysteresis, padding) is Silero's `get_speech_timestamps` made incremental.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, Self

from josefine_wire.positions import HOP_SAMPLES, VAD_WINDOW_SAMPLES
from josefine_wire.records import Mode

WINDOW_MS: Final = 32
LIVE_MAX_HOPS: Final = 2000
"""20 s: interims decode the open segment again and again, so its length is what a tick costs."""
RECORDED_MAX_HOPS: Final = 2800
"""28 s: Whisper's window is 30 s; the rest is room for hops that are ahead of their voice-activity window."""


def hop_of(window: int) -> int:
    """Returns the mel hop in which voice-activity window `window` begins."""
    return window * VAD_WINDOW_SAMPLES // HOP_SAMPLES


@dataclass(frozen=True, slots=True)
class Policy:
    """Where segments begin and end. Lengths are in windows of 32 ms, `_hops` in hops of 10 ms."""

    endpoint_windows: int
    """Silence that closes a segment."""
    max_hops: int
    """A longer segment is cut at its quietest place."""
    cut_from: float
    """The cut lies behind this share of the segment."""
    quiet_windows: int
    """Length over which quietness is judged, even."""
    onset: float = 0.5
    offset: float = 0.35
    lead_hops: int = 30
    """Audio before the onset that belongs to the segment: soft consonants lie below the threshold."""
    trail_windows: int = 9
    """Silence behind the last speech that belongs to the segment."""
    min_speech_windows: int = 4
    """Less speech than this is a click or a cough and gives no segment."""

    @classmethod
    def of(cls, mode: Mode, endpointing_ms: int) -> Self:
        """Returns the policy of a session; `endpointing_ms` counts in LIVE mode only."""
        if mode == "LIVE":
            windows = max(1, round(endpointing_ms / WINDOW_MS))
            return cls(windows, LIVE_MAX_HOPS, cut_from=2 / 3, quiet_windows=8, trail_windows=min(9, windows))
        # Windows as full as they go: silence closes one only where it would fill it with nothing.
        return cls(78, RECORDED_MAX_HOPS, cut_from=0.5, quiet_windows=12)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place from which the windows can be heard again: the whole state of a segmenter with nothing open."""

    window: int = 0
    """Next window to be heard."""
    floor_hop: int = 0
    """End of the last segment: no later segment reaches before it."""
    segments: int = 0
    """Segments closed so far, which is the next one's number."""
    opened: bool = False
    """A segment begins here whatever the window says: the last one was cut here."""

    def needed_hop(self, policy: Policy) -> int:
        """Returns the first hop that a segment opened from here on can need."""
        return self.floor_hop if self.opened else max(self.floor_hop, hop_of(self.window) - policy.lead_hops)


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment: hops [start_hop, end_hop)."""

    number: int
    start_hop: int
    end_hop: int
    speech_final: bool
    """Whether it ended at an endpoint, flush or end rather than at the length limit."""
    mark: Mark
    """From where the windows give this segment again."""
    flushed: bool = False
    """Whether a flush mark ended it."""

    @property
    def hops(self) -> int:
        return self.end_hop - self.start_hop


@dataclass(slots=True)
class _Run:
    """The open segment."""

    mark: Mark
    start_hop: int
    probabilities: list[float] = field(default_factory=list)
    speech_windows: int = 0
    silent_windows: int = 0

    def hear(self, probability: float, policy: Policy) -> None:
        self.probabilities.append(probability)
        if probability >= policy.onset:
            self.speech_windows += 1
            self.silent_windows = 0
        elif probability < policy.offset or self.silent_windows:
            self.silent_windows += 1


class Segmenter:
    """The state machine of one channel."""

    def __init__(self, policy: Policy, mark: Mark | None = None) -> None:
        mark = mark or Mark()
        self.policy = policy
        self._window = mark.window
        self._floor_hop = mark.floor_hop
        self._segments = mark.segments
        self._heard_hop = mark.floor_hop
        self._pending: deque[float] = deque()
        self._run = _Run(mark, mark.floor_hop) if mark.opened else None

    @property
    def next_window(self) -> int:
        """The window that is expected next."""
        return self._window + len(self._pending)

    @property
    def segments(self) -> int:
        """Segments closed so far."""
        return self._segments

    @property
    def mark(self) -> Mark:
        """The newest place from which hearing the windows again gives the present state."""
        return self._run.mark if self._run else Mark(self._window, self._floor_hop, self._segments)

    @property
    def is_open(self) -> bool:
        """Whether the mark is the beginning of a segment."""
        return self._run is not None

    @property
    def open_hop(self) -> int | None:
        """First hop of the open segment, once it holds enough speech to be certain of becoming one."""
        run = self._run
        return run.start_hop if run and run.speech_windows >= self.policy.min_speech_windows else None

    def hear(self, start_window: int, probabilities: Sequence[float], heard_hop: int) -> Iterator[Segment]:
        """Yields the segments that these windows close; windows heard before are skipped.

        `heard_hop` is the end of the mel columns: a window counts once its columns are there, which makes the
        borders independent of how far mel and voice activity are apart in a record.
        """
        self._pending.extend(islice(probabilities, max(0, self.next_window - start_window), None))
        self._heard_hop = max(self._heard_hop, heard_hop)
        while self._pending and hop_of(self._window + 1) <= self._heard_hop:
            yield from self._step(self._pending.popleft())

    def flush(self) -> Iterator[Segment]:
        """Closes the open segment at the last column heard."""
        yield from self._close(flushed=True)

    def end(self) -> Iterator[Segment]:
        """Hears the windows that still wait for columns and closes the open segment."""
        while self._pending:
            yield from self._step(self._pending.popleft())
        yield from self._close()

    def jump(self, window: int, hop: int) -> Iterator[Segment]:
        """Closes the open segment before a hole in the frames and goes on behind it."""
        yield from self.end()
        self._window, self._floor_hop, self._heard_hop = window, hop, hop

    def _step(self, probability: float) -> Iterator[Segment]:
        policy = self.policy
        if self._run is None:
            if probability < policy.onset:
                self._window += 1
                return
            mark = self.mark
            self._run = _Run(mark, mark.needed_hop(policy))
        run = self._run
        self._window += 1
        run.hear(probability, policy)
        if run.silent_windows >= policy.endpoint_windows:
            yield from self._close()
        elif not run.speech_windows and run.silent_windows >= policy.trail_windows:
            self._run = None
        elif hop_of(self._window) - run.start_hop >= policy.max_hops:
            yield from self._cut(run)

    def _close(self, *, flushed: bool = False) -> Iterator[Segment]:
        run, self._run = self._run, None
        if run is None:
            return
        end_hop = self._heard_hop
        if run.silent_windows:
            speech_end = self._window - run.silent_windows
            end_hop = min(end_hop, hop_of(speech_end + self.policy.trail_windows))
        segments = self._segment(run, end_hop, run.speech_windows, speech_final=True)
        yield from (replace(segment, flushed=flushed) for segment in segments)

    def _cut(self, run: _Run) -> Iterator[Segment]:
        at = quietest(run.probabilities, self.policy)
        speech = sum(probability >= self.policy.onset for probability in run.probabilities[:at])
        window = self._window - len(run.probabilities) + at
        yield from self._segment(run, hop_of(window), speech, speech_final=False)
        self._floor_hop = max(self._floor_hop, hop_of(window))
        self._window = window
        self._run = _Run(Mark(window, self._floor_hop, self._segments, opened=True), self._floor_hop)
        for probability in run.probabilities[at:]:
            yield from self._step(probability)

    def _segment(self, run: _Run, end_hop: int, speech: int, *, speech_final: bool) -> Iterator[Segment]:
        end_hop = min(end_hop, self._heard_hop)
        if speech < self.policy.min_speech_windows or end_hop <= run.start_hop:
            return
        number = self._segments
        self._segments += 1
        self._floor_hop = end_hop
        yield Segment(number, run.start_hop, end_hop, speech_final, run.mark)


def quietest(probabilities: Sequence[float], policy: Policy) -> int:
    """Returns the index before which to cut: the last of the places with the least speech around them."""
    half = policy.quiet_windows // 2
    first = max(half, 1, round(len(probabilities) * policy.cut_from))
    best, best_sum = len(probabilities) - 1, float("inf")
    for at in range(first, len(probabilities) - half + 1):
        around = sum(probabilities[at - half : at + half])
        if around <= best_sum:
            best, best_sum = at, around
    return best
