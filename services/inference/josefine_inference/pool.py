"""Several devices as one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from josefine_inference.device import NOBODY, Device
from josefine_inference.messages import Batch, Outcome
from josefine_inference.port import DeviceError, DeviceState, DeviceStatus
from josefine_inference.spare import STAYS_S, Spare


class DevicePool:
    """Gives each batch to the emptiest device and goes on while one is not in quarantine.

    What waits behind a window under suspicion goes to another device that works. Where all others are in quarantine and
    its child has hung, a device gets a spare child for that: nobody waits for a second deadline.
    """

    def __init__(
        self, devices: Sequence[Device], clock: Callable[[], float] = time.monotonic, *, spare: bool = True
    ) -> None:
        """`spare`: whether a device may get a second child."""
        self._devices = tuple(devices)
        self._spare = Spare(clock, allowed=spare)
        self._clock = clock
        self._suspected = NOBODY
        self._culprits: dict[str, float] = {}
        """Sessions of which a window was given up, and when."""

    def room(self) -> int:
        return sum(device.room() for device in self._usable())

    def ahead_hops(self) -> int:
        return self._emptiest().ahead_hops()

    def idle(self) -> int:
        usable = self._usable()
        return sum(not device.ahead_hops() for device in usable) if len(usable) > 1 else 0

    def submit(self, batch: Batch) -> None:
        self._emptiest().submit(batch, self._suspected.union(self._culprits))

    def held_back(self) -> frozenset[str]:
        return self._suspected

    def poll(self) -> list[Outcome]:
        outcomes = [outcome for device in self.children() for outcome in self._poll(device)]
        self._suspect(self._clock())
        if all(device.state is DeviceState.QUARANTINED for device in self._devices):
            raise DeviceError("; ".join(device.reason for device in self._devices))
        self._spare.look(self._devices)
        self._move()
        return outcomes

    def _suspect(self, now_s: float) -> None:
        """Learns whose windows may hang a child: of whom one was in a batch that did, and for a while who did it."""
        unfinished = [tried for device in self.children() for tried in device.unfinished()]
        self._suspected = NOBODY.union(*(tried.sessions for tried in unfinished if tried.hung and tried.deaths))
        new = NOBODY.union(*(device.culprits() for device in self.children()))
        known = {session: since_s for session, since_s in self._culprits.items() if now_s - since_s < STAYS_S}
        self._culprits = known | dict.fromkeys(new, now_s)
        for device in self.children():
            device.fear(self._suspected.union(self._culprits))

    def _poll(self, device: Device) -> list[Outcome]:
        others = [other for other in self._working() if other is not device]
        elsewhere = NOBODY.union(*(other.tried_sessions for other in others))
        return device.poll(backed=bool(others), elsewhere=elsewhere)

    def ready(self) -> bool:
        return bool(self._working())

    def children(self) -> list[Device]:
        """Returns the devices and, while there is one, the spare child."""
        return [*self._devices, *self._spare.present()]

    def status(self) -> list[DeviceStatus]:
        return [
            replace(line, spare_pid=self._spare.pid_beside(device))
            for device in self._devices
            for line in device.status()
        ]

    def close(self) -> None:
        for device in self.children():
            device.close()

    def _working(self) -> list[Device]:
        return [device for device in self.children() if device.ready()]

    def _free(self) -> list[Device]:
        return [device for device in self._working() if not device.on_trial]

    def _usable(self) -> list[Device]:
        """Returns the devices that get work: the best of what there is, the spare only where no other is as good.

        Nothing is to wait behind a window that may hang its child, nor for a child that starts beside one that works.
        """
        working, free = self._working(), self._free()
        own = [device for device in working if device in self._devices]
        lasting = [device for device in self._devices if device.state is not DeviceState.QUARANTINED]
        return [device for device in own if device in free] or free or own or working or lasting

    def _emptiest(self) -> Device:
        """Returns the device that gets the next batch, with the least before it; there is one where there is room."""
        return max(self._usable(), key=lambda device: (device.room(), -device.ahead_hops(), -_burden(device)))

    def _move(self) -> None:
        """Lets nothing wait for a child that is lost, nor behind a window that may hang its child."""
        usable = self._usable()
        for device in self.children():
            if device not in usable and (device.on_trial or not device.ready()):
                for tried in device.surrender():
                    min(usable, key=_burden).resume([tried])


def _burden(device: Device) -> int:
    return len(device.unfinished())
