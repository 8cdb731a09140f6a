"""When a role's next process starts, with real programs and a clock of the test's own."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from josefine_local.process import ManagedProcess, ProcessSpec
from josefine_local.slot import Slot

DEADLINE_S = 30.0
SLEEPER = (sys.executable, "-I", "-S", "-c", "import signal; signal.pause()")


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    """A role whose process runs and is ready."""
    slot = Slot(ProcessSpec("sleeper", "service", SLEEPER), tmp_path / "log", lambda line: None)
    slot.begin(0.0)
    slot.started_once()
    assert slot.watch(0.0)
    assert slot.view().ready
    yield slot
    slot.finish(0.0)


def crash(slot: Slot) -> None:
    assert slot.process is not None
    slot.process.kill()


def test_a_release_while_it_runs_does_not_spare_the_next_crash_its_delay(slot: Slot) -> None:
    slot.release()
    crash(slot)

    assert slot.watch(1.0), "the end is noticed"
    assert not slot.watch(1.0)
    assert slot.watch(2.0)
    assert slot.view().restarts == 1


@pytest.mark.parametrize("noticed", [False, True])
def test_a_release_after_a_crash_starts_it_at_once(slot: Slot, noticed: bool) -> None:
    crash(slot)
    if noticed:
        assert slot.watch(1.0)
    slot.release()
    if not noticed:
        assert slot.watch(1.0)

    assert slot.watch(1.0)
    assert slot.view().pid is not None


@contextmanager
def deaf(process: ManagedProcess) -> Iterator[None]:
    """A process that does not end meanwhile, though it is asked to."""
    process.pause()
    yield
    process.resume()


def test_a_release_starts_what_was_held_down_and_hurries_no_later_start(slot: Slot) -> None:
    stopping = slot.process
    assert stopping is not None
    with deaf(stopping):
        slot.hold()
        assert not slot.watch(1.0), "it is asked to end"
    stopping.stop(time.monotonic() + DEADLINE_S)
    assert slot.watch(1.0)
    assert not slot.watch(100.0)

    slot.release()
    assert slot.watch(100.0)
    crash(slot)
    assert slot.watch(101.0)
    assert not slot.watch(101.0)


def test_a_release_while_it_is_being_stopped_starts_it_again_at_once(slot: Slot) -> None:
    stopping = slot.process
    assert stopping is not None
    with deaf(stopping):
        slot.hold()
        assert not slot.watch(1.0), "it is asked to end"
        slot.release()
    stopping.stop(time.monotonic() + DEADLINE_S)

    assert slot.watch(1.0), "the end is noticed"
    assert slot.watch(1.0)
    assert slot.process not in (None, stopping)
