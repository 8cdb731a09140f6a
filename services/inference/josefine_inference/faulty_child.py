"""A device's child that breaks on purpose. Imported only where faults are asked for (fault_switch.py)."""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from socket import socket
from typing import Any, NoReturn, TypeVar, cast

import structlog

from josefine_inference.child import Child, Loaded
from josefine_inference.faults import Fault, Faults
from josefine_inference.hypothesis import Hypothesis
from josefine_inference.slots import Slots

ResultT = TypeVar("ResultT")
GARBAGE = Hypothesis(cast("str", None), (), float("nan"), 0.0, 0.0, 0)


def strike(fault: Fault, memory_error: type[Exception] = MemoryError) -> None:
    """Does what a fault does before the model runs; returns where the model is to run after all.

    Raises:
        RuntimeError: as torch raises for an error of CUDA.
        MemoryError: or `memory_error`.
    """
    match fault.fault:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
            _hang()  # until the signal arrives
        case "exit":
            os._exit(1)
        case "cuda_error":
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        case "out_of_memory":
            raise memory_error("CUDA out of memory. Injected.")
        case "hang":
            _hang()
        case "hang_ignoring_sigterm":
            faulthandler.unregister(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _hang()
        case "slow":
            time.sleep(fault.seconds)  # the fault itself: a device that takes so long


def _hang() -> NoReturn:
    while True:
        threading.Event().wait()


class FaultyChild(Child):
    """A child with faults: they come before a load or a decode, or fall upon what was decoded.

    Warm-ups and the probes of an idle device have none and are not counted, so that a number means a batch of speech.
    """

    def __init__(self, faults: Faults, link: socket, slots: Slots, load: Callable[[str], Loaded]) -> None:
        super().__init__(link, slots, self._with_faults(load))
        self._faults = faults

    def _with_faults(self, load: Callable[[str], Loaded]) -> Callable[[str], Loaded]:
        def loaded(name: str) -> Loaded:
            fault = self._faults.due("load")
            if fault:
                strike(fault)
            return _prolonged(fault, lambda: load(name))

        return loaded

    def _transcribe(self, loaded: Loaded, requests: Sequence[Any], language: str) -> Sequence[Any]:
        fault = self._faults.due("batch", [request.log_mel for request in requests])
        if fault:
            strike(fault, loaded.memory_errors[-1])
        decode = super()._transcribe
        hypotheses = _prolonged(fault, lambda: decode(loaded, requests, language))
        match fault and fault.fault:
            case "too_few":
                return hypotheses[:-1]
            case "garbage":
                return [GARBAGE, *hypotheses[1:]]
        return hypotheses


def _prolonged(fault: Fault | None, work: Callable[[], ResultT]) -> ResultT:
    """Returns what the work gives, after `factor` times the time that it takes."""
    begun_s = time.monotonic()
    result = work()
    if fault:
        took_s = time.monotonic() - begun_s
        time.sleep((fault.factor - 1) * took_s)  # the fault itself: a device that takes so many times as long
    return result


def faulty_child(path: str) -> Callable[..., FaultyChild]:
    """Returns what makes a child with the faults of a file."""
    structlog.get_logger().warning("fault_injection_enabled", file=path)
    return lambda link, slots, load: FaultyChild(Faults(path), link, slots, load)
