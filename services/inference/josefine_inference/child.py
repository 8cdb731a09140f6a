"""The process that owns one device: python -m josefine_inference.child.

It takes commands from its parent in order, answers each once, and knows nothing of sessions. It ends when the
parent's end of the socket closes, and with the parent itself where the kernel offers that. An exception while
decoding ends it: what a device is worth after one is not known, and the parent keeps the batch.
"""

import argparse
import faulthandler
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import numpy as np
import structlog
from structlog.tracebacks import ExceptionDictTransformer

from josefine_inference.lineage import die_with_parent
from josefine_inference.messages import LENGTH, pack, pack_hypotheses, unpack
from josefine_inference.slots import Slots

WARM_UP_HOPS = 100


class Model(Protocol):
    """What the child needs of josefine_whisper.engine.Engine."""

    mels: int

    def transcribe(self, requests: Sequence[Any], language: str = "en") -> Sequence[Any]:
        """Returns one hypothesis a request, see hypothesis.py."""


class Loaded(NamedTuple):
    """A model and what comes with it."""

    model: Model
    request: Callable[..., Any]
    """Makes a request of its fields."""
    request_error: type[Exception] = ValueError
    """Raised for a request that no retry helps."""
    memory_errors: tuple[type[Exception], ...] = (MemoryError,)
    """Raised where the batch was too large for the device, which is as good as before."""
    device: str = ""
    """Where it was loaded."""
    whole_windows: bool = False
    """Whether it encodes 30 s for each window, however short it is."""


def load_whisper(name: str, *, device: str, dtype: str, threads: int) -> Loaded:
    """Returns the Whisper model `name` on `device`.

    Imports torch, which is why the imports stand here: the parent imports this module's neighbours only.
    """
    import torch  # noqa: PLC0415

    from josefine_models.store import locate  # noqa: PLC0415
    from josefine_whisper.engine import Engine  # noqa: PLC0415
    from josefine_whisper.errors import RequestError  # noqa: PLC0415
    from josefine_whisper.hypothesis import Request  # noqa: PLC0415

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen: Any = dtype  # the engine knows its own names and says so
    engine = Engine.load(locate(name), name=name, device=device, dtype=chosen, threads=threads)
    memory_errors = (MemoryError, torch.OutOfMemoryError)
    return Loaded(engine, Request, RequestError, memory_errors, device, engine.whole_windows)


class Child:
    """The command loop, on the main thread. A second thread reads, so that the parent's death is seen at once."""

    def __init__(self, link: socket.socket, slots: Slots, load: Callable[[str], Loaded]) -> None:
        self._link = link
        self._slots = slots
        self._load = load
        self._models: dict[str, Loaded] = {}
        self._commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._log = structlog.get_logger()

    def run(self) -> None:
        """Answers commands for ever; the reading thread ends the process."""
        threading.Thread(target=self._read, daemon=True, name="commands").start()
        while True:
            command = self._commands.get()
            started_s = time.monotonic()
            try:
                answer = self._load_model(command) if command["type"] == "load" else self._decode(command)
            except Exception:  # noqa: BLE001 - nothing is swallowed: it is logged, and the process ends by it
                self._log.error("decode_failed", exc_info=True)
                # Without the interpreter's own end, which would wait for a device that may be gone.
                os._exit(1)
            answer["seconds"] = time.monotonic() - started_s
            try:
                self._link.sendall(pack(answer))
            except OSError:
                self._log.info("parent_does_not_listen")  # it took this child for hung, or is gone
                os._exit(0)

    def _read(self) -> None:
        try:
            while True:
                (length,) = LENGTH.unpack(_receive(self._link, LENGTH.size))
                self._commands.put(unpack(_receive(self._link, length)))
        except (EOFError, ConnectionError):
            self._log.info("parent_gone")
        finally:
            # The main thread may be deep in a kernel that never returns: leave without asking it.
            os._exit(0)

    def _load_model(self, command: dict[str, Any]) -> dict[str, Any]:
        name = command["model"]
        try:
            loaded = self._load(name)
            self._models[name] = loaded
            self._warm_up(loaded)
        except Exception as error:  # noqa: BLE001 - a boundary: whatever hinders loading is the parent's to judge
            self._log.error("load_model_failed", model=name, exc_info=True)
            return {"type": "load_failed", "reason": f"{type(error).__name__}: {error}"}
        self._log.info("model_loaded", model=name)
        facts = {"mels": loaded.model.mels, "device": loaded.device, "whole_windows": loaded.whole_windows}
        return {"type": "loaded", **facts}

    def _warm_up(self, loaded: Loaded) -> None:
        """Decodes a second of near silence: a real inference, however small."""
        rng = np.random.default_rng(0)
        mel = rng.normal(-6.0, 0.5, (WARM_UP_HOPS, loaded.model.mels)).astype(np.float16)
        loaded.model.transcribe([loaded.request(log_mel=mel, prefix=(), word_times=True, fallback=False)])

    def _decode(self, command: dict[str, Any]) -> dict[str, Any]:
        if command["type"] == "probe":
            self._warm_up(self._models[command["model"]])
            return {"type": "probed"}
        loaded = self._models[command["model"]]
        wrong = {work["mels"] for work in command["work"]} - {loaded.model.mels}
        if wrong:
            return _refused(f"{command['model']} takes {loaded.model.mels} mel bands, not {wrong.pop()}")
        requests = [
            loaded.request(
                log_mel=self._slots.read(command["slot"], work["offset"], (work["hops"], work["mels"])),
                prefix=tuple(work["prefix"]),
                word_times=work["word_times"],
                fallback=work["fallback"],
                keyterms=tuple(work["keyterms"]),
            )
            for work in command["work"]
        ]
        try:
            hypotheses = self._transcribe(loaded, requests, command["language"])
        except loaded.request_error as error:
            return _refused(str(error))
        except loaded.memory_errors as error:
            return {"type": "out_of_memory", "reason": f"{type(error).__name__}: {error}"}
        return {"type": "decoded", "hypotheses": pack_hypotheses(hypotheses)}

    def _transcribe(self, loaded: Loaded, requests: Sequence[Any], language: str) -> Sequence[Any]:
        """Decodes what the parent has sent; faults.py puts itself here."""
        return loaded.model.transcribe(requests, language)


def _refused(reason: str) -> dict[str, Any]:
    return {"type": "refused", "reason": reason}


def _receive(link: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = link.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _loader(path: str) -> Callable[..., Loaded]:
    module, _, name = path.partition(":")
    loader: Callable[..., Loaded] = getattr(import_module(module), name)
    return loader


def main() -> None:
    """Runs the child of a device; every argument is given by device.py."""
    parser = argparse.ArgumentParser(description="Owns one device for the inference service, which starts it.")
    for name in ("parent", "link", "memory", "slot-bytes", "slots", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("device", "dtype", "loader"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--faults", help="file of the faults to have, see docs/fault-injection.md")
    options = parser.parse_args()
    die_with_parent(options.parent)
    # Ctrl-C at a terminal is the parent's to handle: it drains first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print_stacks_when_ended()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without local variables: they hold what was said.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    load = _loader(options.loader)
    child = _kind(options.faults)(
        socket.socket(fileno=options.link),
        Slots(options.memory, options.slot_bytes, options.slots),
        lambda name: load(name, device=options.device, dtype=options.dtype, threads=options.threads),
    )
    child.run()


def print_stacks_when_ended() -> None:
    """Makes SIGTERM and fatal signals print where every thread is, and then do what they do.

    faulthandler's handler is written in C: it prints while the main thread is deep in a library too.
    """
    faulthandler.enable()
    faulthandler.register(signal.SIGTERM, chain=True)


def _kind(faults: str | None) -> Callable[..., Child]:
    """Returns what makes the child; the code of faults is not even imported where none are asked for."""
    if not faults:
        return Child
    from josefine_inference.faulty_child import faulty_child  # noqa: PLC0415

    return faulty_child(faults)


if __name__ == "__main__":
    main()
