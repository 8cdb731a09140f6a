"""A second child of a device, while windows are tried that may hang whoever decodes them.

Which window of a batch hung its child cannot be known before one more hangs. With a second child that costs the others
nothing: they go on in the one that does not hang.
"""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from josefine_inference.device import Device
from josefine_inference.port import DeviceState

STAYS_S: Final = 60.0
"""A spare child ends so long after the last such window: who sends one may send more."""


log = structlog.get_logger()


class Spare:
    """Starts and ends the spare child. Called from one thread."""

    def __init__(self, clock: Callable[[], float], *, allowed: bool) -> None:
        self.device: Device | None = None
        self._beside: Device | None = None
        self._allowed = allowed
        self._clock = clock
        self._wanted_s = 0.0
        self._not_before_s = 0.0

    def present(self) -> list[Device]:
        """Returns the spare child as a device, in whatever state it is, if there is one."""
        return [self.device] if self.device else []

    def pid_beside(self, device: Device) -> int | None:
        """Returns the process of the spare child that stands beside this device."""
        return next((line.pid for spare in self.present() for line in spare.status() if device is self._beside), None)

    def look(self, devices: Sequence[Device]) -> None:
        """Starts a child beside a device that is alone, once it works; ends it when it has had its time.

        It ends at once where the memory does not suffice for both, and no other is started for as long as a device
        rests in quarantine.
        """
        now_s = self._clock()
        if any(tried.hung for device in (*devices, *self.present()) for tried in device.unfinished()):
            self._wanted_s = now_s
            self._start(devices, now_s)
        if self.device is None or self._beside is None:
            return
        if self._beside.short_of_memory or self.device.short_of_memory:
            self._not_before_s = now_s + self._beside.options.rest_s
            self.device.dismiss("both do not fit into the memory")
        elif self._beside.state is DeviceState.QUARANTINED and any(device.ready() for device in devices):
            self.device.dismiss("its device is in quarantine, another works")
        elif now_s - self._wanted_s > STAYS_S and self._beside.ready() and not self.device.unfinished():
            self.device.dismiss("nothing hangs any more")
        if self.device.gone and not self.device.unfinished():
            self.device.close()
            self.device = self._beside = None

    def _start(self, devices: Sequence[Device], now_s: float) -> None:
        lasting = [device for device in devices if device.state is not DeviceState.QUARANTINED]
        if self.device or not self._allowed or now_s < self._not_before_s or len(lasting) != 1:
            return
        # Its own child is loaded before: the model that all wait for gets the memory and the processor first.
        if lasting[0].ready():
            log.warning("spare_child", device=lasting[0].options.called)
            self.device, self._beside = lasting[0].spare(), lasting[0]
