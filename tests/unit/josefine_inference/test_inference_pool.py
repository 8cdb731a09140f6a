"""Several devices as one; with real children: integration."""

from types import SimpleNamespace

import pytest

from josefine_inference.device import DeviceError
from josefine_inference.messages import Batch
from josefine_inference.pool import DevicePool
from josefine_inference.suspects import Tried


class ScriptedDevice:
    """A device that fails when told to, and remembers how it was ended."""

    options = SimpleNamespace(child=SimpleNamespace(device="scripted"))

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.work = [Tried(Batch("tiny.en", "en", ()))] if broken else []
        self.ended: list[str] = []

    def poll(self):
        if self.broken:
            raise DeviceError("cannot be killed")
        return []

    def unfinished(self):
        return self.work

    def resume(self, tried):
        self.work = [*self.work, *tried]

    def abandon(self):
        self.ended.append("abandoned")

    def close(self):
        self.ended.append("closed")


def test_a_device_that_is_given_up_is_not_waited_for():
    broken, whole = ScriptedDevice(broken=True), ScriptedDevice()
    pool = DevicePool([broken, whole])
    assert pool.poll() == []
    assert broken.ended == ["abandoned"]
    assert whole.work == broken.work
    pool.close()
    assert (broken.ended, whole.ended) == (["abandoned"], ["closed"])


def test_without_a_device_the_service_ends():
    with pytest.raises(DeviceError, match="cannot be killed"):
        DevicePool([ScriptedDevice(broken=True)]).poll()
