"""Temporary run folders: gone with the command that made them, and with the next one where that was killed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from josefine_local.file_lock import try_lock
from josefine_local.options import StackOptions
from josefine_local.stack import LocalStack
from josefine_local.temporary import remove_leftovers

DEADLINE_S = 60.0
# A command that holds a temporary stack until it is told to end; SIGHUP as a terminal leaves it, not as nohup does.
HOLD = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from josefine_cli import main
from josefine_local.options import StackOptions
from josefine_local.stack import LocalStack

def hold():
    with LocalStack(StackOptions(services=(), broker="tansu", partitions=0)) as stack:
        print(stack.run_dir, flush=True)
        before_waiting()
        stack.wait()

main.app.command()(hold)
sys.argv[1:] = ["hold"]
main.main()
"""
AT_ONCE = "def before_waiting(): pass\n"
# A signal that comes in the moment before the main thread blocks does not wake it, nor does one that another thread
# gets; the latter can be made to happen.
PAST_THE_MAIN_THREAD = """
import os, signal, sys, threading, traceback
from pathlib import Path

def waits(main):
    called = traceback.extract_stack(sys._current_frames()[main.ident])
    state = Path(f"/proc/self/task/{main.native_id}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "S" and any((Path(f.filename).name, f.name) == ("supervisor.py", "wait") for f in called)

def once_it_waits():
    while not waits(threading.main_thread()):
        os.sched_yield()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

def before_waiting():
    threading.Thread(target=once_it_waits, daemon=True).start()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of temporary files, for this process and its children."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def left_over(folder: Path, name: str) -> Path:
    """Makes what a killed command leaves behind."""
    made = folder / name
    (made / "logs").mkdir(parents=True)
    (made / "logs" / "broker.log").touch()
    (made / "lock").write_text("4194305\n")
    return made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_removes_its_folder(folder, number):
    command = subprocess.Popen([sys.executable, "-c", AT_ONCE + HOLD], stdout=subprocess.PIPE, text=True)
    with command:
        run_dir = Path(command.stdout.readline().strip())
        assert run_dir.parent == folder
        command.send_signal(number)
        assert command.wait(DEADLINE_S) == 130
    assert not run_dir.exists()


def test_a_signal_that_does_not_wake_the_main_thread_is_heeded(folder):
    command = [sys.executable, "-c", PAST_THE_MAIN_THREAD + HOLD]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, timeout=DEADLINE_S, check=False).returncode == 130
    assert list(folder.iterdir()) == []


def test_a_hangup_that_is_ignored_stays_ignored():
    program = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from josefine_cli import main; "
        "main.app = lambda: print(signal.getsignal(signal.SIGHUP).name); main.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "SIG_IGN\n"


def test_what_a_killed_command_left_is_removed_by_the_next_stack(folder):
    left = left_over(folder, "josefine-killed")
    with LocalStack(StackOptions(services=(), broker="tansu", partitions=0)) as stack:
        assert not left.exists()
        remove_leftovers()
        assert stack.run_dir.exists(), "it is in use"
    assert list(folder.iterdir()) == []


def test_only_what_is_ours_and_free_is_removed(folder):
    running = left_over(folder, "josefine-running")
    held = try_lock(running / "lock")
    starting, somebody, elsewhere = folder / "josefine-starting", folder / "josefine-notes", folder / "elsewhere"
    starting.mkdir()
    (starting / "lock").touch()  # opened, and not yet locked
    somebody.mkdir()
    left_over(folder, "elsewhere")
    (folder / "josefine-link").symlink_to(elsewhere)
    before = sorted(folder.iterdir())
    remove_leftovers()
    os.close(held)
    assert sorted(folder.iterdir()) == before
    remove_leftovers()
    assert not running.exists()


def test_what_belongs_to_another_user_is_left(folder, monkeypatch):
    left = left_over(folder, "josefine-theirs")
    monkeypatch.setattr(os, "getuid", lambda: left.stat().st_uid + 1)
    remove_leftovers()
    assert left.exists()
