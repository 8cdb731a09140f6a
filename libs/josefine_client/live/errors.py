"""Why a live session cannot go on. Every message is one readable line; nothing of this is worth another try as it is.

What is (a cut, a restart, a busy server) is tried again inside, and shows as ConnectionLostError when it took too long.
"""

from josefine_client.errors import ClientError


class LiveError(ClientError):
    """Base of what ends a live session before its time."""


class RefusedError(LiveError):
    """The server refuses the session: a wrong key, a wrong option, a session that is over. Mend what the line says."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        """Of the handshake, HTTP."""


class SupersededError(LiveError):
    """Another connection took the session over with its token. This one is done; ask the other for results."""


class AudioRefusedError(LiveError):
    """The server cannot decode the audio: check `encoding`, `sample_rate` and `channels`, or the file."""


class ClosedError(LiveError):
    """The server closed the connection and would do so again for the same reason, which the line says."""


class CertificateError(LiveError):
    """The server's certificate is not trusted: pass an SSL context that knows it, or mend the address."""


class ConnectionLostError(LiveError):
    """No connection within the time that was given. Check that the server runs; then begin a new session."""


class AudioLostError(LiveError):
    """The server ended the session before it had heard everything. The transcript holds what came before."""


class ProtocolError(LiveError):
    """The server does not speak this protocol: check that the address is that of a Josefine gateway."""
