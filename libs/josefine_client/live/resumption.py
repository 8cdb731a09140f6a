"""A live session beyond its connections: what to send, what to tell, when to connect again. Pure: no I/O, no clock.

CONNECTING -> OPEN (the server's Session message came) -> CUT -> CONNECTING -> ... -> DONE (Metadata came, or it failed)

A shell calls `connecting` before it connects, `take` with each message, `next_frame` to send, and `closed`, `refused`
or `cut` when the connection is over; the application's side is `outbox` and `read`.
"""

import json
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final as Constant

from josefine_client.live.errors import AudioLostError, ConnectionLostError, LiveError, ProtocolError
from josefine_client.live.events import Ended, Event, Final, Interim, Reconnected
from josefine_client.live.messages import Message, event_of, parse, receipt_of
from josefine_client.live.outbox import Audio, Outbox
from josefine_client.live.retry import SERVICE_RESTART, Retry, closed_for_good, refused_handshake
from josefine_client.live.seen import Seen
from josefine_client.live.settings import LiveSettings
from josefine_client.live.spoken import Spoken

KEEP_ALIVE: Constant = json.dumps({"type": "KeepAlive"})


class State(Enum):
    """Of a session."""

    CONNECTING = "connecting"
    OPEN = "open"
    CUT = "cut"
    DONE = "done"


class Resumption:
    """One session. One thread at a time."""

    def __init__(self, settings: LiveSettings, now_s: float, random: Callable[[], float]) -> None:
        self.state = State.CONNECTING
        self.failure: LiveError | None = None
        """Why it is done before its time."""
        self.failure_told = False
        """Whether the application knows."""
        self.outbox: Constant = Outbox(settings.buffer_bytes)
        self.spoken: Constant = Spoken()
        self._settings = settings
        self._token: str | None = None
        self._seen = Seen()
        self._retry = Retry(settings, random, since_s=now_s)
        self._events: deque[Event] = deque()
        self._silent_since_s = now_s
        self._quiet_until_s = now_s + settings.keep_alive_s

    @property
    def was_open(self) -> bool:
        """Whether the server has ever taken the session."""
        return self._token is not None

    def read(self) -> Event | None:
        """Returns the next event for the application, None where there is none."""
        return self._events.popleft() if self._events else None

    def parameters(self) -> dict[str, str]:
        """Returns what the next connection has to say in its query."""
        if self._token is None:
            return {"resume": "true"}
        return {"resume": self._token, "sequence_id": ",".join(map(str, self._seen.sequence_ids()))}

    def delay_s(self, now_s: float) -> float:
        """Returns how long to wait before the next connection."""
        return max(self._retry.due_s - now_s, 0.0)

    def connecting(self) -> None:
        """Says that a connection is being made."""
        if self.state is State.CUT:
            self.state = State.CONNECTING

    def next_frame(self, now_s: float) -> bytes | str | None:
        """Returns what is to be sent now, and takes it for sent; None: nothing before `idle_s` is over."""
        if self.state is State.OPEN:
            self._look_for_silence(now_s)
        if self.state is not State.OPEN:
            return None
        item = self.outbox.next()
        if item is None and (self.outbox.closing or now_s < self._quiet_until_s):
            return None
        self._silent_since_s = now_s
        self._quiet_until_s = now_s + self._settings.keep_alive_s
        if item is None:
            return KEEP_ALIVE
        return item.payload if isinstance(item, Audio) else json.dumps({"type": item.name})

    def idle_s(self, now_s: float) -> float:
        """Returns how long there is nothing to send, unless the application sends something."""
        return self._settings.keep_alive_s if self.outbox.closing else max(self._quiet_until_s - now_s, 0.0)

    def take(self, frame: str | bytes, now_s: float) -> None:
        """Takes what the server sent."""
        self._silent_since_s = now_s
        try:
            self._take(parse(frame), now_s)
        except LiveError as error:
            self.fail(error)

    def closed(self, code: int, reason: str, now_s: float) -> None:
        """Says that the connection is over, with a close frame or (1006) without."""
        if (error := closed_for_good(code, reason)) is not None:
            self.fail(error)
        self.cut(f"closed with code {code} {reason}".rstrip(), now_s, at_once=code == SERVICE_RESTART)

    def refused(self, status: int, body: bytes, retry_after: str, now_s: float) -> None:
        """Says that a handshake was answered with an HTTP status, and with which Retry-After header."""
        if (error := refused_handshake(status, body)) is not None:
            self.fail(error)
        not_before_s = float(retry_after) if retry_after.isdecimal() else 0.0
        self.cut(f"HTTP {status}", now_s, not_before_s=not_before_s)

    def cut(self, reason: str, now_s: float, *, at_once: bool = False, not_before_s: float = 0.0) -> None:
        """Says that there is no connection (any more); nothing where the session is done."""
        if self.state is State.DONE:
            return
        if self.state is State.OPEN:
            self._retry.since_s = now_s
        self.state = State.CUT
        if not self._retry.plan(now_s, at_once=at_once, not_before_s=not_before_s):
            self.fail(ConnectionLostError(self._epitaph(reason)))

    def fail(self, error: LiveError) -> None:
        """Ends the session before its time; the first reason counts."""
        if self.state is not State.DONE:
            self.state = State.DONE
            self.failure = error

    def abandon(self) -> None:
        """Is done because the application does not want it any more."""
        self.state = State.DONE

    def raise_failure(self) -> None:
        """Raises the reason if the session is done before its time."""
        if self.failure is not None:
            self.failure_told = True
            raise self.failure

    def _take(self, message: Message, now_s: float) -> None:
        if self.state is State.DONE:
            return
        kind = message.get("type")
        if self.state is not State.OPEN:
            if kind != "Session":
                raise ProtocolError("the server does not begin with Session: is it a Josefine gateway?")
            self._open(message, now_s)
            return
        self._retry.attempts = 0  # Only now: a server that cuts right after its greeting is not to be hurried.
        if kind == "Acknowledged":
            receipt = receipt_of(message, message)
            if self.outbox.acknowledge(receipt.position):
                self._token = receipt.token
        elif (event := event_of(message)) is not None:
            self._tell(event, message)

    def _open(self, message: Message, now_s: float) -> None:
        receipt = receipt_of(message, message.get("acknowledged"))
        self.outbox.resume(receipt.position)
        if self.was_open:
            self._events.append(Reconnected(self._retry.attempts, receipt.position))
        self._token = receipt.token
        self.state = State.OPEN
        self._quiet_until_s = now_s + self._settings.keep_alive_s

    def _tell(self, event: Event, message: Message) -> None:
        answers = False
        if isinstance(event, Final) and event.from_finalize and not self._seen.is_repeated(event):
            answers = self.outbox.answer_finalize(event.channel, int(message["channel_index"][1]))
        if not self._seen.is_new(event, answers_finalize=answers):
            return
        if isinstance(event, Final):
            self.spoken.add(event)
        self._queue(event)
        if isinstance(event, Ended):
            self._end()

    def _queue(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > self._settings.unread_events and isinstance(event, Interim):
            self._events = deque(each for each in self._events if not isinstance(each, Interim))

    def _end(self) -> None:
        """Is done; what the server cannot have heard is said, not hidden."""
        # What was heard was acknowledged before; CloseStream itself may have come to a session that was over.
        if lost := self.outbox.unacknowledged:
            self.fail(AudioLostError(f"the server ended the session before it heard the last {lost} bytes of audio"))
        self.state = State.DONE

    def _look_for_silence(self, now_s: float) -> None:
        silence_s = self._settings.end_patience_s
        if self.outbox.close_sent and now_s > self._silent_since_s + silence_s:
            self.fail(ConnectionLostError(f"the server said nothing for {silence_s:g} s after the end: does it work?"))

    def _epitaph(self, reason: str) -> str:
        lost = f"; {self.outbox.unacknowledged} bytes of audio were not acknowledged" if self.outbox.total else ""
        return f"no connection for {self._settings.give_up_after_s:g} s, the last try: {reason}{lost}"
