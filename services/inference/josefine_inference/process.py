"""A child process with a socket to it that never blocks the parent."""

import os
import signal
import socket
import subprocess
import sys
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final

from josefine_inference.messages import LENGTH, MAX_MESSAGE_BYTES, ProtocolError, pack, unpack
from josefine_inference.slots import Slots

READ_BYTES = 256 * 1024
STDERR = 2
WHISPER: Final = "josefine_inference.child:load_whisper"
CHILD_ENVIRONMENT: Final = {
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    "OMP_WAIT_POLICY": "PASSIVE",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0",
}
"""Settings that libraries read when they are loaded; the service's own environment goes before.

CUDA would put the fastest card first; the driver's own tools, and so the health probe, count by the bus.

oneDNN would keep 4 MB for every length of window that occurs, 300 MB in the end, and gain nothing that can be measured.
Threads of a CPU model sleep at a barrier: spinning, which is OpenMP's default, takes the core from the thread that
all wait for as soon as the machine does anything else (tiny.en, 7 s of speech, 2 busy cores: 0.2 s against 6 s)."""


class ChildGoneError(Exception):
    """The child closed its end or speaks nonsense: kill it and start another."""


@dataclass(frozen=True, slots=True)
class ChildOptions:
    """How a child is started."""

    device: str
    dtype: str = "auto"
    threads: int = 0
    """0: torch's own choice."""
    slot_bytes: int = 8 * 1024 * 1024
    slots: int = 2
    loader: str = WHISPER
    """module:function that gives the child its models."""
    faults: str = ""
    """File of the faults that the child is to have (faults.py); empty: none, which is all that is ever wanted outside
    of tests."""


class ChildProcess:
    """One life of a child. Called from one thread, which has to live as long: the kernel ties the child to it."""

    def __init__(self, options: ChildOptions) -> None:
        """Starts the child.

        Raises:
            OSError: no process, file or memory can be had; nothing of it is left.
        """
        self._link, theirs = socket.socketpair()
        self._link.settimeout(0)
        self._unsent: deque[memoryview] = deque()
        self._received = bytearray()
        self._nonsense: ChildGoneError | None = None
        with ExitStack() as undone, theirs:
            undone.callback(self._link.close)
            self.slots = Slots.create(options.slot_bytes, options.slots)
            undone.callback(self.slots.free)
            with self.slots:
                self._process = subprocess.Popen(
                    _command_line(options, theirs.fileno(), self.slots.fd),
                    stdin=subprocess.DEVNULL,
                    stdout=STDERR,  # a library that prints must not reach the service's own output
                    pass_fds=(theirs.fileno(), self.slots.fd),
                    process_group=0,
                    env=CHILD_ENVIRONMENT | os.environ,
                )
            undone.pop_all()
        self.pid = self._process.pid

    def send(self, message: dict[str, Any]) -> None:
        """Queues a message; pump sends it."""
        self._unsent.append(memoryview(pack(message)))

    def pump(self) -> list[dict[str, Any]]:
        """Sends and receives what goes without waiting and returns the messages that are whole.

        Raises:
            ChildGoneError: nothing more will come, or nothing that makes sense; what came before was returned.
        """
        if self._nonsense:
            raise self._nonsense
        messages = []
        gone = not self._push()
        while (part := self._pull()) is not None:
            if not part:
                gone = True
                break
            self._received += part
        try:
            while (message := self._whole()) is not None:
                messages.append(message)
        except ChildGoneError as error:
            if not messages:
                raise
            self._nonsense = error
        if gone and not messages:
            raise ChildGoneError(f"child {self.pid} closed its socket")
        return messages

    def _push(self) -> bool:
        while self._unsent:
            try:
                sent = self._link.send(self._unsent[0])
            except BlockingIOError:
                return True
            except OSError:
                return False
            if sent == len(self._unsent[0]):
                self._unsent.popleft()
            else:
                self._unsent[0] = self._unsent[0][sent:]
        return True

    def _pull(self) -> bytes | None:
        try:
            return self._link.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _whole(self) -> dict[str, Any] | None:
        if len(self._received) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._received)
        if length > MAX_MESSAGE_BYTES:
            raise ChildGoneError(f"child {self.pid} announces a message of {length} bytes")
        end = LENGTH.size + length
        if len(self._received) < end:
            return None
        body = self._received[LENGTH.size : end]
        del self._received[:end]
        try:
            return unpack(body)
        except ProtocolError as error:
            raise ChildGoneError(f"child {self.pid}: {error}") from error

    def fence(self) -> None:
        """Hears nothing more of the child: what it still sends is refused by the kernel.

        The child's own reading stays open: at its end it would leave at once, without a word on where it hung.
        """
        with suppress(OSError):  # it has closed its end already
            self._link.shutdown(socket.SHUT_RD)

    def terminate(self) -> None:
        """Asks the child to print where it is and to end. Returns at once."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # one that is stopped would keep the other for later

    def kill(self) -> None:
        """Sends SIGKILL to the child's process group; reaped() tells when it is gone. Returns at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # dead already, reaped() collects it
                os.killpg(self.pid, number)

    def release(self) -> None:
        """Frees the link and the shared memory; no message is sent or received after it."""
        self._link.close()
        self.slots.free()

    def reaped(self) -> bool:
        """Returns whether the process has ended, without waiting."""
        return self._process.poll() is not None

    def wait(self, timeout_s: float) -> bool:
        """Returns whether the process ended within `timeout_s`; for the end of the service."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def _command_line(options: ChildOptions, link: int, memory: int) -> list[str]:
    values = {
        "parent": os.getpid(),
        "link": link,
        "memory": memory,
        "slot-bytes": options.slot_bytes,
        "slots": options.slots,
        "threads": options.threads,
        "device": options.device,
        "dtype": options.dtype,
        "loader": options.loader,
    }
    if options.faults:
        values["faults"] = options.faults
    arguments = [part for name, value in values.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "josefine_inference.child", *arguments]
