"""The resume token: what a replica that never saw a session needs to go on with it, signed.

Text of about 150 characters: msgpack, then the signature (HMAC-SHA-256), both in URL-safe base 64. It holds no text and
no audio, and can be read by whoever has it: it is signed, not encrypted.
"""

import hashlib
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

import msgpack
from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.exc import BadData

from josefine_gateway.access.errors import TokenExpiredError, TokenOfAnotherKeyError, TokenWrongError

MOST_CHARACTERS: Final = 1_024
"""Several times a token's length; what is longer is not decoded."""
LEAST_SECRET_BYTES: Final = 16
_FORMAT: Final = 2
_IN_THE_FUTURE_MS: Final = 60_000
"""Clocks of replicas may differ by so much."""


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """How far a session was when the token was issued (ADR 16)."""

    session_id: str
    """32 hexadecimal digits, or whatever the session is called."""
    started_at_ms: int
    """Unix time at which the session began."""
    key_id: str
    """The API key that it belongs to."""
    producer_id: str
    """Who wrote the session's audio then."""
    next_sequence: int
    """Number of the chunk after the last one that is durable."""
    payload_bytes: int
    """Bytes of audio that are durable."""
    flushes: int
    """Finalize messages that are durable."""
    at_ms: int
    """Unix time of the last acknowledgement: the token's age, and where to begin in the log."""
    asked: str
    """Digest of what the pipeline was asked for: it hears a session in one way."""
    ended: bool = False
    """Whether the end of the audio is durable: nothing can follow, only what was not told is still to be told."""


class ResumeTokens:
    """Issues tokens and reads them. Any thread."""

    def __init__(self, secret: bytes, max_age_s: float) -> None:
        """`secret` is the same at all replicas.

        Raises:
            ValueError: it is shorter than 16 bytes.
        """
        if len(secret) < LEAST_SECRET_BYTES:
            raise ValueError(f"the secret of resume tokens has {len(secret)} bytes: at least {LEAST_SECRET_BYTES}")
        # The salt keeps signatures of other kinds, made with the same secret, from being taken for tokens.
        salt = b"josefine.resume"
        self._signer = Signer(secret, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
        self._max_age_ms = int(max_age_s * 1000)

    def issue(self, token: ResumeToken) -> str:
        """Returns the token as text for a URL."""
        packed = msgpack.packb((_FORMAT, *(_short(value) for value in astuple(token))))
        return self._signer.sign(base64_encode(packed)).decode("ascii")

    def read(self, text: str, key_id: str, now_ms: int) -> ResumeToken:
        """Returns the token of a text that the API key `key_id` brings at `now_ms` (Unix time).

        Raises:
            TokenWrongError: it was not issued with this secret, or is not whole.
            TokenOfAnotherKeyError: another key's session.
            TokenExpiredError: it is older than the greatest age.
        """
        token = self._verified(text)
        if token.key_id != key_id:
            raise TokenOfAnotherKeyError("The resume token belongs to another API key.")
        if not -_IN_THE_FUTURE_MS <= now_ms - token.at_ms <= self._max_age_ms:
            raise TokenExpiredError("The resume token has expired.")
        return token

    def _verified(self, text: str) -> ResumeToken:
        if len(text) > MOST_CHARACTERS or not text.isascii():
            raise TokenWrongError("The resume token is none of this service.")
        try:
            format_, *values = msgpack.unpackb(base64_decode(self._signer.unsign(text)))
        except (BadSignature, BadData) as error:
            raise TokenWrongError("The resume token is none of this service.") from error
        # Signed by this service: what it holds is right, unless a later version wrote it.
        if format_ != _FORMAT or len(values) != len(fields(ResumeToken)):
            raise TokenWrongError("The resume token is of another version of this service.")
        return ResumeToken(*(_long(value) for value in values))


def _short(value: str | int) -> str | int | bytes:
    """Returns an id of 32 hexadecimal digits as its 16 bytes, everything else as it is."""
    if isinstance(value, str) and len(value) == 32 and all(character in "0123456789abcdef" for character in value):
        return bytes.fromhex(value)
    return value


def _long(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
