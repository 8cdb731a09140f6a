"""What an application has to expect. Every message is one readable line."""

from collections.abc import Iterator
from contextlib import contextmanager

from josefine_stage.errors import StageError


class ClientError(Exception):
    """Base of this library's errors."""


class SessionError(ClientError, ValueError):
    """What was asked for makes no sense: a wrong encoding, an id that is too long, a send after the end."""


class BrokerTroubleError(ClientError):
    """The broker did not answer, or refused. It was tried until the deadline; try again later or mend the settings."""


@contextmanager
def broker_trouble() -> Iterator[None]:
    """Turns the Kafka library's errors into this library's."""
    try:
        yield
    except StageError as error:
        raise BrokerTroubleError(str(error)) from error
