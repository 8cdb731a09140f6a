"""What parent and child of a device say to each other: msgpack maps, each behind its length.

The mel of a batch does not travel here but in a slot of shared memory (slots.py): a message is small.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgpack

from josefine_inference.hypothesis import Hypothesis, WordHypothesis
from josefine_inference.mel import Mel

LENGTH: Final = struct.Struct("<I")
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""Far above any batch's text; a length beyond it is garbage on the wire."""


class ProtocolError(Exception):
    """The other side sent what no version of it sends: kill the child."""


@dataclass(frozen=True, slots=True)
class Work:
    """One window to be decoded. Identity is `id`, unique in the parent's life."""

    id: int
    log_mel: Mel
    prefix: tuple[str, ...] = ()
    word_times: bool = False
    fallback: bool = False
    keyterms: tuple[str, ...] = ()
    session: str = ""
    """Whose speech it is; empty: unknown. What hung a child may do it again in the session's next window."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows that are decoded together."""

    model: str
    language: str
    work: tuple[Work, ...]

    @property
    def hops(self) -> int:
        return sum(self.windows)

    @property
    def windows(self) -> list[int]:
        """The hops of each window."""
        return [len(work.log_mel) for work in self.work]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A window's hypothesis."""

    id: int
    hypothesis: Hypothesis


@dataclass(frozen=True, slots=True)
class Failed:
    """A window that cannot be decoded, whatever is tried."""

    id: int
    code: str
    reason: str


Outcome = Decoded | Failed


def pack(message: dict[str, Any]) -> bytes:
    """Returns the message with its length before it."""
    body: bytes = msgpack.packb(message)
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes | bytearray) -> dict[str, Any]:
    """Returns the message of a body.

    Raises:
        ProtocolError: no map of strings.
    """
    try:
        message = msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException) as error:
        raise ProtocolError(f"a message of {len(body)} bytes is no msgpack") from error
    if not isinstance(message, dict) or "type" not in message:
        raise ProtocolError("a message is no map with a type")
    return message


def pack_hypotheses(hypotheses: Sequence[Any]) -> list[Any]:
    """Returns the engine's hypotheses as lists of numbers and strings."""
    return [
        [
            heard.text,
            [[word.text, float(word.start_s), float(word.end_s), float(word.confidence)] for word in heard.words],
            float(heard.average_logprob),
            float(heard.no_speech_probability),
            float(heard.compression_ratio),
            int(heard.decode_steps),
            bool(heard.doubtful),
        ]
        for heard in hypotheses
    ]


def unpack_hypotheses(packed: Sequence[Any]) -> list[Hypothesis]:
    """Returns the hypotheses of pack_hypotheses."""
    return [Hypothesis(text, tuple(WordHypothesis(*word) for word in words), *rest) for text, words, *rest in packed]
