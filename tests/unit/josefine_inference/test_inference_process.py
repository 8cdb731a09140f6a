"""What the parent hears of a child over a real socket; the child is the test, and no process is started."""

import gc
import os
import socket
from pathlib import Path

import pytest

from josefine_inference.messages import LENGTH, MAX_MESSAGE_BYTES, pack
from josefine_inference.process import ChildGoneError, ChildOptions, ChildProcess

ANSWER = {"type": "probed", "seconds": 0.1}
NO_MAP = LENGTH.pack(1) + b"\x01"
TOO_LONG = LENGTH.pack(MAX_MESSAGE_BYTES + 1)


class Started:
    """A process as the parent sees it; the child's end of the socket is the test's."""

    pid = 7

    def __init__(self, _command, *, pass_fds, **_):
        self.link = socket.socket(fileno=os.dup(pass_fds[0]))


@pytest.fixture
def child(monkeypatch):
    monkeypatch.setattr("josefine_inference.process.subprocess.Popen", Started)
    made = ChildProcess(ChildOptions("cpu", slot_bytes=4096))
    yield made
    made._process.link.close()
    made.release()


@pytest.mark.parametrize("nonsense", [NO_MAP, TOO_LONG])
def test_an_answer_is_heard_though_nonsense_follows_it(child, nonsense):
    child._process.link.sendall(pack(ANSWER) + nonsense + pack(ANSWER))
    assert child.pump() == [ANSWER]
    for _ in range(2):
        with pytest.raises(ChildGoneError):
            child.pump()


@pytest.mark.parametrize("nonsense", [NO_MAP, TOO_LONG])
def test_nonsense_alone_is_the_end_of_a_child(child, nonsense):
    child._process.link.sendall(nonsense)
    with pytest.raises(ChildGoneError):
        child.pump()


@pytest.mark.parametrize("what", ["socket.socketpair", "os.ftruncate", "subprocess.Popen"])
def test_a_child_that_cannot_be_started_leaves_no_file_open(monkeypatch, what):
    def lacks(*_args, **_options):
        raise BlockingIOError("Resource temporarily unavailable")

    gc.collect()
    before = _open_files()
    monkeypatch.setattr(what, lacks)
    with pytest.raises(BlockingIOError):
        ChildProcess(ChildOptions("cpu", slot_bytes=4096))
    assert _open_files() == before


def _open_files():
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())
