"""N streams that speak all the time, each recording after recording, each of these a session. One thread.

Streams begin one by one at times that are drawn, and their recordings differ: no two go in step.
"""

import heapq
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.streaming.audio import Spoken, playlist
from bench.streaming.session import Session
from bench.streaming.system import Client

LOOK_S: Final = 0.02
"""Results are noted at least so often: their time of arrival is that of the look."""


@dataclass(slots=True)
class _Stream:
    """Where a speaker is."""

    name: str
    recordings: Iterator[Spoken]
    began_at_s: float
    """When the present recording began; the first one: is to begin."""
    sessions: int = 0
    session: Session | None = None
    piece: int = 0


@dataclass(frozen=True, slots=True)
class SentPiece:
    """For the account of the load itself."""

    sent_at_s: float
    late_s: float
    """Behind the time at which a microphone would have had it."""


@dataclass(slots=True)
class Load:
    """Streams that speak, and what has been heard of them."""

    client: Client
    sessions: dict[str, Session] = field(default_factory=dict)
    sent: list[SentPiece] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    _due: list[tuple[float, int]] = field(default_factory=list)
    _streams: list[_Stream] = field(default_factory=list)

    def begin(self, recordings: Sequence[Spoken], streams: int, seed: int, name: str, within_s: float) -> None:
        """Lets so many streams begin, each at a time of its own within the next seconds."""
        now_s, drawn = self.clock(), random.Random(seed)
        for number in range(streams):
            begins_at_s = now_s + drawn.uniform(0, within_s)
            self._streams.append(_Stream(f"{name}-{number}", playlist(recordings, seed, number), begins_at_s))
            heapq.heappush(self._due, (begins_at_s, number))

    def speak(self, until_s: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Speaks and listens until a time, or until it is `enough`, which is asked after every look at the results."""
        while (now_s := self.clock()) < until_s:
            while self._due and self._due[0][0] <= now_s:
                self._act(self._streams[heapq.heappop(self._due)[1]])
                now_s = self.clock()
            next_s = min(self._due[0][0], until_s) if self._due else until_s
            self._listen(min(max(next_s - self.clock(), 0.0), LOOK_S))
            if enough():
                return

    def cut(self) -> None:
        """Stops speaking in the middle of the word. Sessions that are open are ended, and count for nothing."""
        for stream in self._streams:
            if stream.session is not None and stream.session.ended is None:
                self.client.end(stream.session.session_id)
        self._due.clear()

    def drain(self, patience_s: float) -> bool:
        """Listens until every session has ended; returns whether that was within `patience_s`."""
        deadline_s = self.clock() + patience_s
        waiting = {key for key, session in self.sessions.items() if session.ended is None}
        while waiting and self.clock() < deadline_s:
            self._listen(LOOK_S)
            waiting = {key for key in waiting if self.sessions[key].ended is None}
        return not waiting

    def spoken_between(self, begin_s: float, end_s: float) -> list[Session]:
        """Returns the sessions whose end mark was sent in that time, and those that were refused in it."""
        return [
            session
            for session in self.sessions.values()
            if (over_at_s := session.ended_at_s or session.refused_at_s) is not None and begin_s <= over_at_s < end_s
        ]

    def _listen(self, timeout_s: float) -> None:
        for event in self.client.poll(timeout_s):
            self.sessions[event.session_id].take(event)

    def _act(self, stream: _Stream) -> None:
        """Begins the next recording, or sends the next piece of the present one."""
        if stream.session is None:
            self._open(stream)
        elif stream.session.ended is not None:
            # Refused, or given up: who is refused does not try again at once.
            self._rest(stream, stream.session)
            return
        else:
            self._send(stream, stream.session)
        self._plan(stream)

    def _open(self, stream: _Stream) -> None:
        stream.sessions += 1
        stream.piece = 0
        session = Session(f"{stream.name}-{stream.sessions}", next(stream.recordings), stream.began_at_s)
        self.sessions[session.session_id] = session
        stream.session = session
        self.client.open(session.session_id)

    def _send(self, stream: _Stream, session: Session) -> None:
        pieces = session.spoken.pieces
        due_s = session.began_at_s + session.spoken.complete_at_s(stream.piece)
        self.client.send(session.session_id, pieces[stream.piece], due_s)
        stream.piece += 1
        if stream.piece == len(pieces):
            self.client.end(session.session_id)
            session.ended_at_s = self.clock()
            stream.session, stream.began_at_s = None, session.began_at_s + session.spoken.length_s
        now_s = self.clock()
        self.sent.append(SentPiece(now_s, now_s - due_s))

    def _rest(self, stream: _Stream, session: Session) -> None:
        stream.session, stream.began_at_s = None, session.began_at_s + session.spoken.length_s
        self._plan(stream)

    def _plan(self, stream: _Stream) -> None:
        due_s = stream.began_at_s
        if stream.session is not None:
            due_s += stream.session.spoken.complete_at_s(stream.piece)
        heapq.heappush(self._due, (due_s, self._streams.index(stream)))
