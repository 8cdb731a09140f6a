"""A function on a thread of its own that never runs at the same time as its owner: a coroutine for libraries
that call back for bytes and cannot be asked to return.
"""

import threading
from collections.abc import Callable
from typing import Final


class PumpStoppedError(Exception):
    """Raised inside the body by `pause`: its owner wants no more of it."""


class Pump:
    """Hands control to and fro between the owner's thread and the body's."""

    def __init__(self, body: Callable[[], None], name: str) -> None:
        self._body: Final = body
        self._thread: Final = threading.Thread(target=self._run, name=name, daemon=True)
        self._turn_of_body: Final = threading.Lock()
        self._turn_of_owner: Final = threading.Lock()
        self._turn_of_body.acquire()
        self._turn_of_owner.acquire()
        self._stopped = False
        self._error: BaseException | None = None
        self.finished = False
        """Whether the body has returned or raised."""

    def resume(self) -> None:
        """Lets the body run until it pauses or returns. Owner's thread.

        Raises:
            BaseException: what the body raised, once.
        """
        if self.finished:
            return
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._turn_of_body.release()
        self._turn_of_owner.acquire()
        if self.finished:
            self._thread.join()
            error, self._error = self._error, None
            if error is not None and not self._stopped:
                raise error

    def pause(self) -> None:
        """Gives control back to the owner and waits for `resume`. Body's thread.

        Raises:
            PumpStoppedError: the owner has called `stop`; so does every later call.
        """
        if not self._stopped:
            self._turn_of_owner.release()
            self._turn_of_body.acquire()
        if self._stopped:
            raise PumpStoppedError

    def stop(self) -> None:
        """Ends the body at its pause and waits for its thread. Owner's thread."""
        self._stopped = True
        if self._thread.ident is None:
            self.finished = True
        self.resume()

    def _run(self) -> None:
        try:
            self._body()
        except BaseException as error:  # noqa: BLE001 - carried to the owner, who raises it
            self._error = error
        finally:
            self.finished = True
            self._turn_of_owner.release()
