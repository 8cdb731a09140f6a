"""What a session has sent and not yet got an answer to, in its order, and what is to be sent next. Pure.

Positions are bytes of audio from the session's start. Audio is kept until it is acknowledged, a control message until
it is answered; after a cut all of it is sent again, from the byte that the server names.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

from josefine_client.errors import SessionError
from josefine_client.live.errors import ProtocolError

ControlName = Literal["Finalize", "CloseStream"]


@dataclass(frozen=True, slots=True)
class Audio:
    """A piece of audio, one binary frame."""

    start: int
    payload: bytes

    @property
    def end(self) -> int:
        """The byte after its last."""
        return self.start + len(self.payload)


@dataclass(frozen=True, slots=True)
class Control:
    """A message about the audio before it."""

    name: ControlName
    number: int = 0
    """Of a Finalize, from 1."""


Item = Audio | Control


@dataclass(slots=True)
class Outbox:
    """One session's. One thread at a time."""

    limit_bytes: int
    acknowledged: int = 0
    """Bytes that the server has for good."""
    total: int = 0
    """Bytes that the application has sent."""
    closing: bool = False
    """Whether CloseStream is in it: nothing can follow."""
    close_sent: bool = False
    """Whether CloseStream was sent on this connection, and with it everything."""
    _waiting: deque[Item] = field(default_factory=deque)
    _under_way: list[Item] = field(default_factory=list)
    _finalizes: int = 0
    _finalizes_sent: int = 0
    _answers: Counter[int] = field(default_factory=Counter)
    _finalizes_answered: int = 0

    @property
    def unacknowledged(self) -> int:
        """Bytes that would be lost with this process."""
        return self.total - self.acknowledged

    def has_room(self, size: int) -> bool:
        """Returns whether `size` bytes may be added now; into an empty one any piece fits."""
        return self.unacknowledged == 0 or self.unacknowledged + size <= self.limit_bytes

    def add(self, payload: bytes) -> None:
        """Takes audio; nothing where it is empty, because an empty frame would end the session.

        Raises:
            SessionError: the session has ended.
        """
        self._refuse_if_closing()
        if payload:
            self._waiting.append(Audio(self.total, bytes(payload)))
            self.total += len(payload)

    def finalize(self) -> None:
        """Takes the wish for the final of what was said so far.

        Raises:
            SessionError: the session has ended.
        """
        self._refuse_if_closing()
        self._finalizes += 1
        self._waiting.append(Control("Finalize", self._finalizes))

    def close(self) -> None:
        """Takes the end of the audio. Once is enough."""
        if not self.closing:
            self._waiting.append(Control("CloseStream"))
            self.closing = True

    def next(self) -> Item | None:
        """Returns what is to be sent now, and takes it for sent; None: nothing waits."""
        # What was to be sent again may have been answered meanwhile: results of before a cut come late.
        while self._waiting and not self._is_open(self._waiting[0]):
            self._waiting.popleft()
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        self._under_way.append(item)
        if isinstance(item, Control):
            self._finalizes_sent = max(self._finalizes_sent, item.number)
            self.close_sent = self.close_sent or item.name == "CloseStream"
        return item

    def acknowledge(self, position: int) -> bool:
        """Forgets the audio before `position`; returns False for one that came late and says nothing.

        Raises:
            ProtocolError: nobody has sent that much.
        """
        if position > self.total:
            raise ProtocolError(f"the server acknowledges {position} bytes of audio, {self.total} were sent")
        if position < self.acknowledged:
            return False
        self.acknowledged = position
        self._under_way = [item for item in self._under_way if self._is_open(item)]
        return True

    def answer_finalize(self, channel: int, channels: int) -> bool:
        """Takes an answer to a Finalize in one channel; returns whether one was still to come there."""
        if self._answers[channel] >= self._finalizes_sent:
            return False
        self._answers[channel] += 1
        self._finalizes_answered = min(self._answers[each] for each in range(max(channels, channel + 1)))
        self._under_way = [item for item in self._under_way if self._is_open(item)]
        return True

    def resume(self, position: int) -> None:
        """Begins again on a new connection, whose server has the audio before `position`.

        Raises:
            ProtocolError: it lacks audio that was acknowledged and is gone, or has more than there is.
        """
        if position < self.acknowledged:
            raise ProtocolError(f"the server has {position} bytes of audio, it had acknowledged {self.acknowledged}")
        self.acknowledge(position)
        again = [item for item in (*self._under_way, *self._waiting) if self._is_open(item)]
        self._waiting = deque(_after(item, position) for item in again)
        self._under_way = []
        self.close_sent = False

    def _is_open(self, item: Item) -> bool:
        if isinstance(item, Audio):
            return item.end > self.acknowledged
        return item.name == "CloseStream" or item.number > self._finalizes_answered

    def _refuse_if_closing(self) -> None:
        if self.closing:
            raise SessionError("the session has ended: nothing can follow")


def _after(item: Item, position: int) -> Item:
    """Returns what of an item is not before `position`."""
    if isinstance(item, Control) or item.start >= position:
        return item
    return Audio(position, item.payload[position - item.start :])
