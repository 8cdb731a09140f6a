"""What decodes, as the rest of the service sees it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from josefine_inference.health import Health
from josefine_inference.messages import Batch, Outcome
from josefine_stage.errors import ExhaustedError


class DeviceError(ExhaustedError):
    """No device is left: the service ends, and its partitions go to another replica."""


class DeviceState(StrEnum):
    """Where a device stands. device.py has the transitions."""

    STARTING = "starting"
    """Its child loads the model."""
    WORKING = "working"
    """Its child has answered a real inference."""
    ENDING = "ending"
    """Its last child is being ended, or the next one waits for a moment."""
    QUARANTINED = "quarantined"
    """It gets no work; it comes back when what was wrong is over."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What is shown of a device."""

    device: str
    pid: int | None
    restarts: int
    batches: int = 0
    """Decoded since the service began."""
    audio_s: float = 0.0
    """Audio in these batches."""
    busy_s: float = 0.0
    """Time that the children took for them."""
    state: DeviceState = DeviceState.STARTING
    reason: str = ""
    """Why it is in quarantine."""
    health: Health | None = None
    """What the driver last said; None: not asked, as for a CPU."""
    spare_pid: int | None = None
    """Its second child (spare.py), if there is one; what that does is counted with the rest."""


class DevicePort(Protocol):
    """What decodes. All calls come from one thread, none waits."""

    def room(self) -> int:
        """Returns how many batches may be submitted now."""

    def ahead_hops(self) -> int:
        """Returns the hops that a batch would wait for which is submitted now; 0 where a device has nothing to do."""

    def idle(self) -> int:
        """Returns how many of several devices have nothing to do; 0 where there is one device."""

    def held_back(self) -> frozenset[str]:
        """Returns the sessions whose windows had better not be submitted now: one of them may have hung a child."""

    def submit(self, batch: Batch) -> None:
        """Takes a batch; each of its windows comes back once from poll."""

    def poll(self) -> list[Outcome]:
        """Returns what is finished.

        Raises:
            DeviceError: no device is left.
        """

    def ready(self) -> bool:
        """Whether a real inference has been answered and none is overdue."""

    def status(self) -> list[DeviceStatus]:
        """Returns a line for each device."""

    def close(self) -> None:
        """Ends the children; waits for their end, for seconds at most."""
