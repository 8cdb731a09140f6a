"""`make setup` where .venv is broken or cannot be made. A stand-in for Python tells what it was asked for."""

import os
import shutil
import subprocess

import pytest

# Answers as Python does; `-m venv` makes an environment that answers alike, unless CANNOT says that it cannot.
PYTHON = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in *"-m venv"*) [ -z "$CANNOT" ] || exit 1; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;; esac
"""


@pytest.fixture
def setup(repository, tmp_path):
    """Runs `make setup` in a folder with a stand-in for Python; returns what happened and what Python was asked."""
    for name in ("Makefile", "pyproject.toml", "hatch_build.py"):
        shutil.copy(repository / name, tmp_path)
    for name in ("requirements", "deploy"):
        shutil.copytree(repository / name, tmp_path / name)
    executable(tmp_path / "python", PYTHON)
    calls = tmp_path / "calls"

    def run(**environment):
        variables = {"PATH": os.environ["PATH"], "CALLS": str(calls), **environment}
        command = ["make", "setup", f"PYTHON={tmp_path}/python"]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        return done, calls.read_text().splitlines()

    return run


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_an_environment_without_pip_is_made_anew(setup, tmp_path):
    executable(tmp_path / ".venv" / "bin" / "python", "#!/bin/sh\nexit 1\n")

    done, calls = setup()

    assert (done.returncode, done.stderr) == (0, "")
    assert "-m venv --clear .venv" in calls
    assert any("-r requirements/all.lock" in call for call in calls)


def test_a_sound_environment_is_kept(setup, tmp_path):
    executable(tmp_path / ".venv" / "bin" / "python", PYTHON)

    done, calls = setup()

    assert done.returncode == 0
    assert not any("-m venv" in call for call in calls)


def test_a_python_that_makes_no_environment_is_told_what_it_lacks(setup):
    done, _ = setup(CANNOT="1")

    assert done.returncode != 0
    assert "python3-venv" in done.stderr


def test_another_index_serves_torch_and_nothing_for_cuda_is_taken(setup, tmp_path):
    tells_the_list = 'for list; do :; done; [ ! -f "$list" ] || cat "$list" >> "$CALLS"\n'
    executable(tmp_path / ".venv" / "bin" / "python", PYTHON + tells_the_list)

    done, calls = setup(TORCH_INDEX="https://wheels.example/cpu")

    assert done.returncode == 0, done.stderr
    assert any("--index-url https://wheels.example/cpu" in call for call in calls)
    assert [call.split("==")[0] for call in calls if call.startswith(("torch", "nvidia-", "cuda-", "triton"))] == [
        "torch"
    ]
