from types import ModuleType

import pytest
import session_kit


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
