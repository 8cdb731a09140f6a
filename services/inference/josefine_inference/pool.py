"""Several devices as one."""

import structlog

from josefine_inference.device import Device, DeviceError, DeviceStatus
from josefine_inference.messages import Batch, Outcome


class DevicePool:
    """Gives each batch to the emptiest device and goes on while one is left."""

    def __init__(self, devices: list[Device]) -> None:
        self._devices = devices
        self._log = structlog.get_logger()

    def room(self) -> int:
        return sum(device.room() for device in self._devices)

    def submit(self, batch: Batch) -> None:
        max(self._devices, key=lambda device: (device.room() > 0, device.ready(), device.room())).submit(batch)

    def poll(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for device in tuple(self._devices):
            try:
                outcomes += device.poll()
            except DeviceError as error:
                self._give_up(device, error)
        return outcomes

    def ready(self) -> bool:
        return any(device.ready() for device in self._devices)

    def status(self) -> list[DeviceStatus]:
        return [line for device in self._devices for line in device.status()]

    def close(self) -> None:
        for device in self._devices:
            device.close()

    def _give_up(self, device: Device, error: DeviceError) -> None:
        if len(self._devices) == 1:
            raise error
        self._devices.remove(device)
        self._log.error("device_given_up", device=device.options.child.device, reason=str(error))
        unfinished = device.unfinished()
        device.abandon()  # perhaps it cannot even be killed: polling must not wait for it
        self._devices[0].resume(unfinished)
