"""What a device is asked to do, and how long whatever it does may take."""

from dataclasses import dataclass, field

from josefine_inference.deadlines import DeadlineLimits
from josefine_inference.health import HealthOptions
from josefine_inference.process import ChildOptions


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """Of one device."""

    child: ChildOptions
    model: str
    """Loaded at start; others on first use."""
    deadlines: DeadlineLimits = field(default_factory=DeadlineLimits)
    start_failures: int = 3
    """Children in a row that fail to start before the device is put into quarantine."""
    probe_s: float = 30.0
    """An idle device proves itself this often."""
    health: HealthOptions = field(default_factory=HealthOptions)
    rest_s: float = 60.0
    """Time in quarantine of a device whose children failed to start, before the next one is tried."""
    name: str = ""
    """What it is called in status and logs; empty: as torch names it."""
    spare: bool = False
    """A second child of a device (spare.py), whose driver the first one asks."""

    @property
    def called(self) -> str:
        """What people read."""
        return self.name or self.child.device
