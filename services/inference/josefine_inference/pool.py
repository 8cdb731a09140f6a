"""Several devices as one."""

from collections.abc import Sequence

from josefine_inference.device import Device
from josefine_inference.messages import Batch, Outcome
from josefine_inference.port import DeviceError, DeviceState, DeviceStatus


class DevicePool:
    """Gives each batch to the emptiest device and goes on while one is not in quarantine."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = tuple(devices)

    def room(self) -> int:
        return sum(device.room() for device in self._usable())

    def ahead_hops(self) -> int:
        return self._emptiest().ahead_hops()

    def submit(self, batch: Batch) -> None:
        self._emptiest().submit(batch)

    def poll(self) -> list[Outcome]:
        outcomes = [outcome for device in self._devices for outcome in device.poll()]
        usable = self._usable()
        if not usable:
            raise DeviceError("; ".join(device.reason for device in self._devices))
        for device in self._devices:
            if device not in usable:
                for tried in device.surrender():
                    min(usable, key=_burden).resume([tried])
        return outcomes

    def ready(self) -> bool:
        return any(device.ready() for device in self._devices)

    def status(self) -> list[DeviceStatus]:
        return [line for device in self._devices for line in device.status()]

    def close(self) -> None:
        for device in self._devices:
            device.close()

    def _usable(self) -> list[Device]:
        """Returns the devices that work, or else those that will: nothing waits for one that starts beside them."""
        working = [device for device in self._devices if device.ready()]
        return working or [device for device in self._devices if device.state is not DeviceState.QUARANTINED]

    def _emptiest(self) -> Device:
        """Returns the device that gets the next batch; there is one where there is room."""
        return max(self._usable(), key=lambda device: (device.room(), -_burden(device)))


def _burden(device: Device) -> int:
    return len(device.unfinished())
