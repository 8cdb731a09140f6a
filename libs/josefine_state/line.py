"""A line to Redis for callers on any thread, which does not wait again and again for one that is silent."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from josefine_stage.errors import StoreError
from josefine_state.connection import ERRORS, Client, connect

SILENT_S: Final = 2.0
"""Who did not answer is not asked again for so long: every caller would wait for the whole deadline."""

Answer = TypeVar("Answer")


class Line:
    """One client of redis-py, connected at the first question. Any thread."""

    def __init__(self, url: str, timeout_s: float = 1.0) -> None:
        """Checks the URL; a Redis Cluster is looked for at the first question.

        Raises:
            ConfigurationError: the URL cannot be read.
        """
        self._url, self._timeout_s = url, timeout_s
        self._lock: Final = threading.Lock()
        self._client: Client | None = None
        self._silence: tuple[float, str] = (-math.inf, "")
        try:
            self._connected()
        except ERRORS as error:
            self._note_silence(error)

    def ask(self, question: Callable[[Client], Answer]) -> Answer:
        """Returns what `question` makes of the client.

        Raises:
            StoreError: Redis does not answer, or did not a moment ago.
        """
        until_s, reason = self._silence
        if time.monotonic() < until_s:
            raise StoreError(reason)
        try:
            return question(self._connected())
        except ERRORS as error:
            raise self._note_silence(error) from error

    def run(self, script: str, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Returns what a Lua script gives for each key with its arguments, in the order of `calls`.

        Raises:
            StoreError: as `ask`.
        """

        def together(client: Client) -> list[Any]:
            with client.pipeline(transaction=False) as pipe:
                for key, arguments in calls:
                    # A cluster's pipeline has no eval().
                    pipe.execute_command("EVAL", script, 1, key, *arguments)
                return list(pipe.execute())

        return self.ask(together)

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = connect(self._url, self._timeout_s)
            return self._client

    def _note_silence(self, error: Exception) -> StoreError:
        scheme, _, rest = self._url.partition("?")[0].partition("://")
        reason = f"Redis at {scheme}://{rest.rpartition('@')[2]}: {error}"
        self._silence = (time.monotonic() + SILENT_S, reason)
        return StoreError(reason)
