"""What a connection needs to know of the protocol that its client speaks."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from josefine_gateway.listen.control import Kind
from josefine_gateway.shape.connection import Heard
from josefine_gateway.shape.live import Message
from josefine_wire.records import Error


class Dialogue(Protocol):
    """Turns records and positions into messages; grows with one session. One thread, no I/O."""

    controls: tuple[Kind, ...]
    """What the client may send as text."""

    @property
    def over(self) -> bool:
        """Whether every channel has ended."""

    @property
    def error(self) -> Error | None:
        """What the engine has to say against the session, once it is over."""

    @property
    def idle(self) -> bool:
        """Whether it ended because nothing came any more."""

    @property
    def length_samples(self) -> int:
        """Length of the longest channel, once it is over."""

    @property
    def channels(self) -> int:
        """How many channels there are."""

    @property
    def model(self) -> str:
        """The acoustic model; empty before anything has come."""

    def greet(self) -> Iterator[Message]:
        """Yields what is told before anything else."""

    def hear(self, topic: str, record: Any) -> Iterator[Message]:
        """Yields what is to be told because of a record of transcripts, understanding or dead.letters."""

    def audio_reached(self, sent_s: float, heard_s: float) -> Iterator[Message]:
        """Yields what is due where so much audio has been sent, and so much must have been heard, in seconds."""

    def configure(self, content: Mapping[str, Any]) -> Iterator[Message]:
        """Yields the answer to a Configure message."""

    def misread(self, why: str) -> Iterator[Message]:
        """Yields the answer to a text that is no message of the protocol."""

    def fail(self, error: Error) -> Iterator[Message]:
        """Yields what is told before the connection closes because of an error."""

    def farewell(self, heard: Heard, resume_token: str) -> Iterator[Message]:
        """Yields what is told at the good end of a session."""
