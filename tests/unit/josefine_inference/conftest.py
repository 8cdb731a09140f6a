from types import ModuleType

import pytest
import session_kit
from device_kit import World
from poison_kit import LOAD_S, Run


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """The sessions made of numbers."""
    return session_kit


@pytest.fixture
def device() -> session_kit.ScriptedDevice:
    return session_kit.ScriptedDevice()


@pytest.fixture
def make(kit, device):
    def made(**changes):
        handler = kit.handler(device, **changes)
        handler.restore("s/0", None)
        return handler

    return made


@pytest.fixture
def start(monkeypatch):
    """Starts devices whose children hang over poisonous windows: start(*names, spare=True)."""
    world = World()
    world.hangs = True
    monkeypatch.setattr("josefine_inference.conversation.ChildProcess", world.child)

    def run(*names, spare=True):
        made = Run(world, names, spare=spare)
        made.steps(LOAD_S + 1)
        assert made.pool.ready()
        return made

    return run
