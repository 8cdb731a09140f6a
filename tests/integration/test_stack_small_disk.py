"""A disk of limited size, without a broker on it."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from josefine_local import small_disk
from josefine_local.errors import DiskError
from josefine_local.small_disk import MIB, SmallDisk

DEADLINE_S = 60.0
BLOCK = bytes(64 * 1024)
# Owns a disk, and a program that writes to it, until it is killed.
OWNER = """
import subprocess
from josefine_local.process import leashed
from josefine_local.small_disk import SmallDisk

disk = SmallDisk(1)
disk.open()
user = subprocess.Popen(leashed(["tail", "-f", "/dev/null"]), stdout=(disk.folder / "log").open("wb"))
disk.fill()
print("full", flush=True)
user.wait()
"""


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    made = SmallDisk(2)
    try:
        made.open()
    except DiskError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def mounts() -> str:
    return Path("/proc/self/mountinfo").read_text(encoding="ascii")


def write(file: Path) -> None:
    with file.open("ab", buffering=0) as opened:
        opened.write(BLOCK)


def test_a_disk_is_as_large_as_was_asked_for_and_nobody_sees_a_mount(disk):
    before = disk.free_bytes
    assert MIB < before <= 2 * MIB
    write(disk.folder / "log")
    assert disk.free_bytes == before - len(BLOCK)
    assert "size=2048k" not in mounts()


def test_a_full_disk_refuses_until_there_is_room(disk):
    disk.fill()
    assert disk.free_bytes == 0
    with pytest.raises(OSError, match="No space left") as refused:
        write(disk.folder / "log")
    assert refused.value.errno == errno.ENOSPC
    disk.make_room()
    disk.make_room()
    write(disk.folder / "log")


def test_opening_twice_keeps_what_is_there(disk):
    write(disk.folder / "log")
    disk.open()
    assert [file.name for file in disk.folder.iterdir()] == ["log"]


def test_a_closed_disk_is_gone_and_a_new_one_is_empty(disk):
    write(disk.folder / "log")
    disk.close()
    disk.close()
    with pytest.raises(DiskError, match="not been opened"):
        disk.fill()
    disk.open()
    assert list(disk.folder.iterdir()) == []


def test_a_killed_owner_leaves_neither_process_nor_mount(disk):
    before = mounts()
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner, owner.stdout:
        assert owner.stdout.readline() == "full\n"
        assert mounts() == before
        (user,) = psutil.Process(owner.pid).children()
        owner.kill()
        _, alive = psutil.wait_procs([user], timeout=DEADLINE_S)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert mounts() == before


def test_where_it_is_not_permitted_the_mend_is_said(monkeypatch, tmp_path):
    program = tmp_path / "refuses.py"
    program.write_text("raise SystemExit('unshare: Operation not permitted')", encoding="ascii")
    monkeypatch.setattr(small_disk, "PROGRAM", program)
    with pytest.raises(DiskError, match=r"unshare: Operation not permitted without.*CAP_SYS_ADMIN"):
        SmallDisk(1).open()
