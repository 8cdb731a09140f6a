"""Which faults a device's child is to have on purpose, for tests: docs/fault-injection.md.

Imported only where JOSEFINE_FAULTS and JOSEFINE_ALLOW_FAULTS ask for it (fault_switch.py).
"""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from josefine_inference.mel import Mel

Kind = Literal[
    "crash", "exit", "cuda_error", "hang", "hang_ignoring_sigterm", "slow", "out_of_memory", "too_few", "garbage"
]
Call = Literal["batch", "load"]
WRONG_OUTPUT = frozenset({"too_few", "garbage"})


class FaultsError(Exception):
    """The file of faults makes no sense."""


class When(BaseModel):
    """Which batch or load is hit: all that is given has to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: Annotated[int, Field(ge=1)] | Literal["any"] | None = None
    """The n-th batch of a child's life."""
    load: Annotated[int, Field(ge=1)] | Literal["any"] | None = None
    """The n-th load of a child's life; without it a fault hits batches."""
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    """Of the probability: the same seed, child's life and number give the same draw."""
    hops: int | None = Field(default=None, ge=1)
    """A window of so many hops is in the batch."""
    value: str | None = Field(default=None, pattern="^0x[0-9a-f]{4}$")
    """A window has a log-mel value with these float16 bits, at any place."""


class Fault(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Kind
    when: When = When()
    times: int | None = Field(default=None, ge=1)
    """How often, counted over all children; None: every time."""
    name: str = ""
    """Tells entries apart that are otherwise equal."""
    seconds: float = Field(default=0.0, ge=0)
    """slow: waits so long."""
    factor: float = Field(default=1.0, ge=1)
    """slow: takes so many times as long."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.when.load is not None and (self.when.batch, self.when.hops, self.when.value) != (None, None, None):
            raise ValueError("when: load stands alone or with probability")
        if self.when.load is not None and self.fault in WRONG_OUTPUT:
            raise ValueError(f"{self.fault}: a load has no output")
        return self


def read_faults(path: str) -> list[Fault]:
    """Returns the entries of a file, none where there is no file.

    Raises:
        FaultsError: it is no list of faults.
    """
    try:
        text = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FaultsError(f"{path} cannot be read: {error}") from error
    try:
        return TypeAdapter(list[Fault]).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FaultsError(f"{path} is no list of faults: {where}: {first['msg']}") from error


class Faults:
    """Which fault is due. The file is read anew each time; what was done stands in a file beside it.

    Not in memory: most faults end the process that would remember them.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._done = Path(f"{path}.done")
        self._calls: Counter[Call] = Counter()

    def due(self, call: Call, windows: Sequence[Mel] = ()) -> Fault | None:
        """Returns the first entry that hits this batch or load, and notes that it was done."""
        self._calls[call] += 1
        number = self._calls[call]
        done = self._already()
        for fault in read_faults(self._path):
            times = done[fault]
            if (fault.times is None or times < fault.times) and _hits(fault, call, number, windows, times):
                self._note(fault, call, number)
                return fault
        return None

    def _already(self) -> Counter[Fault]:
        if not self._done.exists():
            return Counter()
        return Counter(Fault.model_validate(json.loads(line)["entry"]) for line in self._done.open(encoding="utf-8"))

    def _note(self, fault: Fault, call: Call, number: int) -> None:
        entry = fault.model_dump(exclude_defaults=True)
        line = {"entry": entry, "call": call, "number": number, "pid": os.getpid(), "at": time.time()}
        with self._done.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        structlog.get_logger().warning("fault_injected", **line)


def _hits(fault: Fault, call: Call, number: int, windows: Sequence[Mel], times: int) -> bool:
    when = fault.when
    wanted = when.load if call == "load" else when.batch
    if (call == "load") != (when.load is not None):
        return False
    draw = random.Random(f"{when.seed}/{times}/{number}").random()  # noqa: S311 - no secret
    return (
        wanted in (None, "any", number)
        and draw < when.probability
        and (when.hops is None or any(len(window) == when.hops for window in windows))
        and (when.value is None or any(_holds(window, int(when.value, 16)) for window in windows))
    )


def _holds(window: Mel, bits: int) -> bool:
    return bool((np.ascontiguousarray(window).view(np.uint16) == bits).any())
