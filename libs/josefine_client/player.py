"""Sends many recordings and collects their results, in one thread: the sending waits in the collector's poll.

A session's clock is a list of deadlines from its start, so that a late piece makes none of the next ones late.
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from josefine_client.chunks import Session
from josefine_client.collector import PATIENCE_S, POLL_S, Collector, Event
from josefine_client.pacing import Piece
from josefine_client.publisher import Publisher, SessionPublisher
from josefine_client.results import SessionResult

IN_FLIGHT: Final = 16
BURST: Final = 32
"""Pieces that are sent between two looks at the results, so that neither waits long for the other."""

MEND: Final = "josefine status shows whether the engine works, transcribe --patience waits longer"


@dataclass(frozen=True, slots=True)
class Recording:
    """One session to send."""

    session: Session
    pieces: Iterable[Piece]
    """May be lazy; an OSError from it ends the session and stands in Finished.failure."""
    speed: float | None = None
    """Audio seconds per second; None: as fast as the broker takes them."""
    delay_s: float = 0.0
    """Time from the beginning of `play` before which it is not started."""


@dataclass(frozen=True, slots=True)
class PlayOptions:
    """Limits of one `play`."""

    in_flight: int = IN_FLIGHT
    """Sessions between their first byte and their last result."""
    patience_s: float = PATIENCE_S
    """Silence of the pipeline and nothing left to send, after which what is incomplete is given up."""


@dataclass(frozen=True, slots=True)
class Started:
    """A session's first byte is about to be sent."""

    recording: Recording
    result: SessionResult
    started_at_s: float
    """Unix time that belongs to audio second 0."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A piece was sent."""

    session_id: str
    audio_s: float
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more will come of a session: it is complete, or was given up."""

    recording: Recording
    result: SessionResult
    failure: str | None
    """Why it was given up, or could not be read: one line. The engine's own errors stand in `result`."""


PlayEvent = Started | Sent | Finished | Event


class _Playing:
    """A session in flight."""

    def __init__(self, recording: Recording, publisher: Publisher, result: SessionResult) -> None:
        self.recording = recording
        self.result = result
        self.failure: str | None = None
        self._start_s = publisher.clock.monotonic_s()
        self._clock = publisher.clock
        self.started_at_s = publisher.clock.epoch_s()
        self._sender: SessionPublisher = publisher.open(recording.session)
        self._pieces = iter(recording.pieces)
        self._next: Piece | None = None
        self._advance()

    @property
    def sending(self) -> bool:
        return not self._sender.ended

    def due_s(self) -> float:
        """Returns when the next piece is to be sent, on the monotonic clock."""
        if self._next is None or self.recording.speed is None:
            return self._start_s
        return self._start_s + self._next.audio_s / self.recording.speed

    def send_next(self) -> Sent:
        """Sends a piece; the last one ends the session."""
        piece = self._next or Piece(b"", 0.0)
        captured_at_us = self._captured_at_us(piece)
        self._advance()
        if self._next is None:
            self._sender.end(piece.payload, captured_at_us=captured_at_us)
        else:
            self._sender.send(piece.payload, captured_at_us=captured_at_us)
        return Sent(self.recording.session.session_id, piece.audio_s, len(piece.payload))

    def abandon(self) -> None:
        """Ends the session with what was sent, so that the engine need not wait for more."""
        self._next = None
        self._sender.end()

    def _advance(self) -> None:
        try:
            self._next = next(self._pieces, None)
        except OSError as error:
            self.failure = f"cannot be read: {error.strerror or error}"
            self._next = None

    def _captured_at_us(self, piece: Piece) -> int:
        """Returns when a microphone would have had the piece, so that being late with it counts as latency."""
        if self.recording.speed is None:
            return 0
        return int((self.started_at_s + piece.audio_s / self.recording.speed) * 1_000_000)


class Player:
    """Plays recordings into the pipeline. One thread; the publisher and the collector are lent to it."""

    def __init__(self, publisher: Publisher, collector: Collector, options: PlayOptions | None = None) -> None:
        self._publisher = publisher
        self._collector = collector
        self._options = options or PlayOptions()
        self._clock = publisher.clock

    def play(self, recordings: Iterable[Recording]) -> Generator[PlayEvent]:
        """Yields what happens until every recording is finished. Recordings are taken up in their order.

        Closing the iterator, or an exception, ends the sessions that are being sent.

        Raises:
            BrokerTroubleError: the broker failed.
        """
        waiting, playing = list(recordings), list[_Playing]()
        begin_s = alive_s = self._clock.monotonic_s()
        try:
            while waiting or playing:
                yield from self._start(waiting, playing, begin_s)
                sent = self._send_due(playing)
                events = self._collector.poll(0.0 if sent else self._wait_s(waiting, playing, begin_s))
                yield from sent
                yield from events
                now_s = self._clock.monotonic_s()
                if sent or events or any(each.sending for each in playing):
                    alive_s = now_s
                yield from self._finish(playing, given_up=now_s - alive_s > self._options.patience_s)
        finally:
            for each in playing:
                if each.sending:
                    each.abandon()

    def _start(self, waiting: list[Recording], playing: list[_Playing], begin_s: float) -> Iterator[Started]:
        while waiting and len(playing) < self._options.in_flight:
            if self._clock.monotonic_s() < begin_s + waiting[0].delay_s:
                return
            recording = waiting.pop(0)
            result = self._collector.expect(recording.session.session_id)
            each = _Playing(recording, self._publisher, result)
            playing.append(each)
            yield Started(recording, result, each.started_at_s)

    def _send_due(self, playing: list[_Playing]) -> list[Sent]:
        """Sends what is due, one piece of each session in turn, at most a burst."""
        sent: list[Sent] = []
        now_s = self._clock.monotonic_s()
        due = [each for each in playing if each.sending and each.due_s() <= now_s]
        while due and len(sent) < BURST:
            sent += [each.send_next() for each in due]
            due = [each for each in due if each.sending and each.due_s() <= now_s]
        return sent

    def _wait_s(self, waiting: list[Recording], playing: list[_Playing], begin_s: float) -> float:
        """Returns how long the collector may wait: until the next piece or the next start is due."""
        due = [each.due_s() for each in playing if each.sending]
        if waiting and len(playing) < self._options.in_flight:
            due.append(begin_s + waiting[0].delay_s)
        return min(max(min(due, default=POLL_S + self._clock.monotonic_s()) - self._clock.monotonic_s(), 0.0), POLL_S)

    def _finish(self, playing: list[_Playing], *, given_up: bool) -> Iterator[Finished]:
        for each in list(playing):
            if each.result.complete and not each.sending:
                failure = each.failure
            elif given_up:
                failure = each.failure or _why_given_up(each.result, self._options.patience_s)
            else:
                continue
            playing.remove(each)
            self._collector.forget(each.result.session_id)
            yield Finished(each.recording, each.result, failure)


def _why_given_up(result: SessionResult, patience_s: float) -> str:
    if result.dead_letters:
        letter = result.dead_letters[0]
        return f"refused by {letter['stage']}: {letter['reason']} ({letter['code']})"
    if result.transcribed:
        return f"transcribed, but nothing came from nlu for {patience_s:.0f} s; {MEND}"
    return f"no more results for {patience_s:.0f} s; {MEND}"
