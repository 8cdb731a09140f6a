"""`python -m josefine_local.daemon`: the supervisor of a detached stack. Talks JSON lines to start_detached."""

import json
import os
import signal
import sys
import time

from josefine_local.errors import LocalError
from josefine_local.options import StackOptions
from josefine_local.stack import LocalStack


class Starter:
    """The process that waits for the stack to become ready, at the other end of stdout."""

    def __init__(self) -> None:
        self._listening = True

    def tell(self, **message: object) -> None:
        """Writes one line.

        Raises:
            BrokenPipeError: the starter was killed; nobody knows of this stack, so it should end.
        """
        if self._listening:
            print(json.dumps(message), flush=True)  # noqa: T201 - stdout is the channel to the starter

    def progress(self, line: str) -> None:
        """Tells the starter, and the log."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        print(f"{now} pid {os.getpid()} {line}", file=sys.stderr, flush=True)  # noqa: T201 - stderr is the log
        self.tell(progress=line)

    def leave(self) -> None:
        """Says that the stack is ready, and lets the starter go."""
        self.tell(ready=True)
        self._listening = False
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        os.close(nowhere)


def main() -> int:
    """Returns the exit status: 0 after a stop that was asked for."""
    # The terminal may go; SIGTERM stops in good order, as SIGINT does.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = StackOptions.from_json(sys.stdin.read())
    starter = Starter()
    try:
        with LocalStack(options, starter.progress) as stack:
            starter.leave()
            stack.wait()
    except KeyboardInterrupt:
        outcome = "stopped"
    except BrokenPipeError:
        outcome = "stopped: whoever started it is gone"
    except LocalError as error:
        return _failed(starter, error)
    else:
        outcome = "ended"
    print(outcome, file=sys.stderr)  # noqa: T201 - the log
    return 0


def _failed(starter: Starter, error: LocalError) -> int:
    print(f"failed: {error}", file=sys.stderr)  # noqa: T201 - the log
    starter.tell(failed=str(error), exit_status=error.exit_status)
    return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
